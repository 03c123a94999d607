/**
 * The virtual file system for other packages: its types, the keys under which it lives, and its operations. The
 * package's main entry adds the plugin.
 *
 * @module
 */
export * from "./constants.ts";
export * from "./context.ts";
export * from "./cred.ts";
export * from "./devices.ts";
export * from "./file.ts";
export * from "./generated_fs.ts";
export * from "./host_folder.ts";
export * from "./host_fs.ts";
export * from "./host_stream.ts";
export * from "./inode.ts";
export * from "./locks.ts";
export * from "./memory_file.ts";
export * from "./memory_fs.ts";
export * from "./mount.ts";
export * from "./names.ts";
export * from "./anonymous.ts";
export * from "./attr.ts";
export * from "./open.ts";
export * from "./ops.ts";
export * from "./overlay_fs.ts";
export * from "./pipe.ts";
export * from "./pty.ts";
export * from "./regular_file.ts";
export * from "./table.ts";
export * from "./terminal.ts";
export * from "./time.ts";
export * from "./vfs.ts";
export * from "./walk.ts";
