/** The tables, made once. */
import { HOT } from "./hot.ts";
import { instructions } from "./instructions/mod.ts";
import { buildTables, type Tables } from "./tables.ts";

/** For tools: `profile` counts executed operations, with every candidate in the big switch. Set before the first CPU is made. */
export const settings: { profile: boolean } = { profile: false };

export const hotSet = (): ReadonlySet<string> | undefined => settings.profile ? undefined : HOT;

let made: Tables | undefined;
export const tables = (): Tables => made ??= buildTables(instructions, hotSet());
