/**
 * The Linux personality: system calls by number, processes and threads, signals, memory, files and time as Linux has
 * them. `linux()` is the plugin.
 *
 * @module
 */
export { linux, personality } from "./personality.ts";
export type { LinuxSpawnOptions } from "./process/start.ts";
