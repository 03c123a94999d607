/**
 * The personality of axle: 17 system calls by INT 0x80, and messages between named services for everything else.
 *
 * ```ts ignore
 * const kernel = await createKernel({ plugins: [...standardPlugins(), axle({ log: console.log })] });
 * kernel.spawn("axle", { program, args: ["service"], env: {} });
 * ```
 *
 * @module
 */
export { axle, type AxleOptions } from "./personality.ts";
export * from "./key.ts";
