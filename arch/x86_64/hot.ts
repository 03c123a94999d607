/** The operations of the interpreter's big switch. Written by tools/profile.ts; undefined: all that are declared hot. */
export const HOT: ReadonlySet<string> | undefined = undefined;
