/**
 * What Deno gives a kernel: folders, standard streams and signals of the host. The only package, besides the command,
 * that knows of `Deno`.
 *
 * @module
 */
export { attempt, errnoOf } from "./errors.ts";
export { DenoFile, hostFolder, type HostFolderOptions, isFolder } from "./folder.ts";
export { hostSignals, type HostSignalsOptions, Interrupts, stopHost } from "./signals.ts";
export { foregroundOf, hostStdio, resized, restoreTerminal } from "./stdio.ts";
