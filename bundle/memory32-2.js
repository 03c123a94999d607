import{t as A}from"./chunk-7.js";import"./main.js";import"./main.js";var Q=()=>Deno.readFileSync(new URL("./memory32-2-1.bin",import.meta.url));A(Q());
