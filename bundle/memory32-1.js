import{c2_a as A}from"./main.js";import"./main.js";var Q=()=>Deno.readFileSync(new URL("./memory32-1-1.bin",import.meta.url));A(Q());
