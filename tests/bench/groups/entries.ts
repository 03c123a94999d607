import type { Table } from "../table.ts";
// deno-lint-ignore require-await
export async function entries(_engines: readonly string[]): Promise<Table[]> {
  return [];
}
