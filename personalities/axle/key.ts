/**
 * What plugins and other personalities see of axle: services of the host that exchange messages with guests, the
 * interrupt lines, and the log.
 *
 * @module
 */
import type { AxleKernel, AxleProcess, HostService, Message, Receive, Sent, Service } from "./state.ts";

export { axleKey } from "./state.ts";
export type { AxleKernel, AxleProcess, HostService, Message, Receive, Sent, Service };
