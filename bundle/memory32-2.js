import{c1_d as A}from"./run-1.js";import"./run-1.js";import"./main.js";var Q=()=>Deno.readFileSync(new URL("./memory32-2-1.bin",import.meta.url));A(Q());
