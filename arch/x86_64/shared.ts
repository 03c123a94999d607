/** The tables, made once. */
import { instructions } from "./instructions/mod.ts";
import { buildTables, type Tables } from "./tables.ts";

let made: Tables | undefined;
export const tables = (): Tables => made ??= buildTables(instructions);
