/**
 * Restartable sequences (rseq(2)). There is one CPU and no preemption inside a system call: the registered area says
 * CPU 0, and a signal or preemption inside a critical section continues at its abort handler.
 */
import type { LinuxTask } from "../state.ts";

/** Writes cpu_id_start, cpu_id, node_id and mm_cid: all 0. False when the area is not writable. */
export function writeRseq(thread: LinuxTask, cpuId: number): boolean {
  const { space } = thread.task;
  if (!space.setU32(thread.rseq, 0) || !space.setU32(thread.rseq + 4, cpuId >>> 0)) return false;
  if (thread.rseqLength >= 28) {
    if (!space.setU32(thread.rseq + 20, 0) || !space.setU32(thread.rseq + 24, 0)) return false;
  }
  return true;
}

/** Before a signal frame is pushed: a program counter inside a critical section becomes the abort address. */
export function restartRseq(thread: LinuxTask): void {
  if (thread.rseq === 0) return;
  const { space, frame } = thread.task;
  const section = space.getNum64(thread.rseq + 8);
  if (section === undefined || section === 0) return;
  const start = space.getNum64(section + 8),
    length = space.getNum64(section + 16),
    abort = space.getNum64(section + 24);
  if (start === undefined || length === undefined || abort === undefined) return;
  const { pc } = thread.task.process.cpu.arch;
  const at = frame.num(pc);
  if (at >= start && at < start + length && space.getU32(abort - 4) === thread.rseqSignature >>> 0) {
    frame.setNum(pc, abort);
  }
  space.setNum64(thread.rseq + 8, 0);
}
