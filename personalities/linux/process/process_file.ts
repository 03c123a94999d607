/** pidfd: a process as a file, readable when it has ended. */
import { EINVAL, type Errno } from "@guise/core";
import { AnonymousInode, type Caller, O_RDWR, OpenFile, POLLIN, POLLRDNORM } from "@guise/vfs/key";
import type { LinuxProcess } from "../state.ts";

/** An open process. It stays the same process when the pid is used again. */
export class ProcessFile extends OpenFile {
  readonly process: LinuxProcess;
  constructor(caller: Caller, process: LinuxProcess, flags: number) {
    super(
      new AnonymousInode("[pidfd]", 0o600, caller),
      O_RDWR | flags,
      caller.cred,
      undefined,
      process.endQueue,
    );
    this.process = process;
  }
  override read(): number | Errno {
    return EINVAL;
  }
  override write(): number | Errno {
    return EINVAL;
  }
  override poll(): number {
    return this.process.state === "alive" ? 0 : POLLIN | POLLRDNORM;
  }
}
