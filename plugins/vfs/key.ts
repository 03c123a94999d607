/**
 * The virtual file system for other packages: its types, the keys under which it lives, its operations and its file
 * systems. The package's main entry adds the plugin.
 *
 * @module
 */
export * from "./anonymous.ts";
export * from "./attr.ts";
export * from "./constants.ts";
export * from "./context.ts";
export * from "./cred.ts";
export { createDeviceFs, hostRandom, registerDevices } from "./devices.ts";
export * from "./file.ts";
export * from "./generated_fs.ts";
export * from "./host_folder.ts";
export { HostFs, type HostFsOptions } from "./host_fs.ts";
export {
  type HostConsole,
  type HostDemand,
  type HostStdio,
  type HostStdioFile,
  HostStream,
  type HostStreamOptions,
  type HostWrite,
  openStdio,
  openTerminal,
} from "./host_stream.ts";
export * from "./inode.ts";
export * from "./locks.ts";
export { createMemoryFile, memoryInode, type Sealable } from "./memory_file.ts";
export { createMemoryFs, type MemoryFile, MemoryFs, type MemoryFsOptions } from "./memory_fs.ts";
export { Mount, type MountLine, type MountOptions } from "./mount.ts";
export * from "./names.ts";
export { mayAccess, openAt, openLocation } from "./open.ts";
export * from "./ops.ts";
export { OverlayFs, type OverlayFsOptions } from "./overlay_fs.ts";
export { createPipe, PIPE_BUF, pipeSize, setPipeSize, teePipe } from "./pipe.ts";
export { createPtyFs } from "./pty.ts";
export * from "./table.ts";
export { defaultTermios, Terminal, type Termios, type WindowSize } from "./terminal.ts";
export * from "./time.ts";
export * from "./vfs.ts";
export { DIRECTORY, EMPTY_PATH, type LastComponent, NO_FOLLOW, parentOf, walk, walkParent } from "./walk.ts";
