/**
 * Text to machine code. At present `.inst WORD` lines alone: enough for the stubs of a vDSO; the assembler from the declarations follows.
 */
// cold: a tool
/** Assembles a listing of `.inst 0x...` lines; throws on anything else. */
export function assemble(source: string, _at: number): Uint8Array {
  const words = source.split("\n").map((l) => l.replace(/(\/\/|;).*/, "").trim()).filter((l) =>
    l !== "" && !l.startsWith(".set ")
  ).map(
    (line) => {
      const match = /^\.inst\s+(0x[0-9a-f]+)$/i.exec(line);
      if (!match) throw new Error(`aarch64 assembler: what is "${line}"?`);
      return Number(match[1]);
    },
  );
  return new Uint8Array(Uint32Array.from(words).buffer);
}
