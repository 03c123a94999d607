/** adi: drivers and their interrupt lines, which here are raised by software (W9). */
import { type Outcome, READ, type Syscall, syscall, type Task, uint, wait } from "@guise/core";
import { Bad, name } from "../args.ts";
import { halt, pageFault, taskAssert } from "../death.ts";
import { callerOf, LINES } from "../state.ts";

const INVALID = "Invalid IRQ provided", NOT_MINE = "Current task does not match driver layout";
const valid = (irq: number): boolean => irq > 0 && irq < LINES;

const registerDriver: Syscall = syscall({
  name: "adi_register_driver",
  doc: "Makes the process the driver of an interrupt line.",
  args: { name, irq: uint },
  run(task, { name, irq }): Outcome {
    if (name instanceof Bad) return pageFault(task, name.address, name.access);
    if (name === undefined) return pageFault(task, 0, READ);
    if (!valid(irq)) return taskAssert(task, INVALID);
    const it = callerOf(task), { drivers } = it.axle;
    if (drivers[irq] !== undefined) return taskAssert(task, "IRQ already mapped to a driver task");
    drivers[irq] = { process: it, pending: 0 };
    return 0;
  },
});

/** The caller's line. */
function driverOf(task: Task, irq: number): { pending: number } | undefined {
  const driver = valid(irq) ? callerOf(task).axle.drivers[irq] : undefined;
  return driver?.process === callerOf(task) ? driver : undefined;
}

const eventAwait: Syscall = syscall({
  name: "adi_event_await",
  doc: "1 for an interrupt that was not yet answered, 0 for a waiting message; waits for either.",
  args: { irq: uint },
  run(task, { irq }): Outcome {
    const driver = driverOf(task, irq);
    if (driver === undefined) return halt(task, valid(irq) ? NOT_MINE : INVALID);
    if (driver.pending > 0) return 1;
    const { service, interrupts } = callerOf(task);
    if (service === undefined) return wait([interrupts]);
    return service.queue.length > 0 ? 0 : wait([interrupts, service.arrived]);
  },
});

const sendEoi: Syscall = syscall({
  name: "adi_send_eoi",
  doc: "The interrupt is answered.",
  args: { irq: uint },
  run(task, { irq }): Outcome {
    const driver = driverOf(task, irq);
    if (driver === undefined) return halt(task, valid(irq) ? NOT_MINE : INVALID);
    if (driver.pending === 0) return halt(task, "EOI without a pending interrupt");
    driver.pending--;
    return 0;
  },
});

/** By number (W3). */
export const adi: readonly (readonly [number, Syscall])[] = [
  [8, registerDriver],
  [9, eventAwait],
  [10, sendEoi],
];
