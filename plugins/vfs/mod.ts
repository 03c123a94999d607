/**
 * The virtual file system: file systems in memory, over a host's folder, as an overlay, of devices and of generated
 * files; mounts, path walks, open files, pipes, terminals; and the plugin that installs them.
 *
 * @module
 */
export * from "./key.ts";
export * from "./plugin.ts";
