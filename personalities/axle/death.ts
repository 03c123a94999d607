/**
 * How processes of axle end: by exit, by task_assert (faults too: W14), and where axle's kernel would assert and halt the
 * machine, which here costs only the guest its life, with the same text (W8).
 */
import { EXIT, type Outcome, READ, type Task, WRITE } from "@guise/core";
import { type AxleProcess, bytesOf, callerOf, CORE } from "./state.ts";

const REAPER = "com.axle.reaper", CRASH_REPORTER = "com.axle.crash_reporter";
/** The crash reporter's only message: {100, length, text}. */
const INFORM_ASSERT = 100;

/** Takes the process out of axle's tables: its service is dead, its lines are free. */
export function teardown(it: AxleProcess): void {
  if (it.ended) return;
  it.ended = true;
  const { axle, service } = it;
  if (service !== undefined) axle.remove(service);
  axle.drivers.forEach((driver, line) => {
    if (driver?.process === it) axle.drivers[line] = undefined;
  });
}

/** To a service that is there; nothing is stored. */
function tell(it: AxleProcess, dest: string, body: Uint8Array): void {
  if (it.axle.services.has(dest)) it.axle.send(CORE, dest, body);
}

/** Tells a supervisor (event 215): what happened, and the value at 24; `text` of a write. */
export function inform(it: AxleProcess, what: 0 | 1 | 2 | 3, value: number, text = ""): void {
  if (it.supervisor === undefined) return;
  const body = new Uint8Array(160), view = new DataView(body.buffer);
  view.setUint32(0, 215, true);
  view.setUint32(8, what, true);
  view.setUint32(16, it.process.id, true);
  view.setInt32(24, value, true);
  body.set(bytesOf(text).subarray(0, 128), 32);
  tell(it, it.supervisor, body);
}

/** exit (W13). */
export function leave(task: Task, code: number): Outcome {
  const it = callerOf(task);
  it.axle.log(
    `[${it.process.id}] self-terminated with exit ${code} (0x${(code >>> 0).toString(16)}). Zombie`,
    it,
  );
  return end(it, code);
}

function end(it: AxleProcess, code: number, message?: string): Outcome {
  inform(it, 2, code);
  teardown(it);
  const pid = new Uint8Array(8);
  new DataView(pid.buffer).setUint32(0, it.process.id, true);
  tell(it, REAPER, pid);
  it.process.kernel.ended(it.process, { code: code & 255, ...(message === undefined ? {} : { message }) });
  return EXIT;
}

/** Axle's kernel would halt the machine (W8): the guest ends. */
export function halt(task: Task, text: string): Outcome {
  const it = callerOf(task);
  const line = `[${it.process.id}] Assertion failed: ${text}`;
  it.axle.log(line, it);
  return end(it, 1, line);
}

/** task_assert (W14): no more messages, a report to the crash reporter, exit(1). */
export function taskAssert(task: Task, text: string): Outcome {
  const it = callerOf(task);
  const line = `[${it.process.id}] Assertion failed: ${text}`;
  it.axle.log(line, it);
  const { service, axle } = it;
  if (service !== undefined) {
    service.enabled = false;
    const { arch } = it.process.cpu;
    const hex = (register: number): string =>
      "0x" + (task.frame.hi(register) >>> 0 ? (task.frame.hi(register) >>> 0).toString(16) : "") +
      (task.frame.lo(register) >>> 0).toString(16).padStart(8, "0");
    const report = `Assertion failed: ${text}\n${it.name} rip ${hex(arch.pc)} rsp ${hex(arch.sp)}\n`;
    const body = new Uint8Array(8 + report.length), view = new DataView(body.buffer);
    view.setUint32(0, INFORM_ASSERT, true);
    view.setUint32(4, report.length, true);
    body.set(bytesOf(report), 8);
    // When the pool of stored messages is full the report is lost: the guest dies in any case.
    axle.send(service.name, CRASH_REPORTER, body);
  }
  axle.log(`[${it.process.id}] self-terminated with exit 1 (0x1). Zombie`, it);
  return end(it, 1, line);
}

/** A page fault of the guest, or of the kernel with a pointer of the guest (W14). */
export function pageFault(task: Task, address: number, access: number): Outcome {
  const it = callerOf(task);
  const what = access === READ ? "read " : access === WRITE ? "write" : "execute";
  it.axle.log(`Page fault: ${what} at 0x${address.toString(16)}`, it);
  return taskAssert(task, "Page fault");
}
