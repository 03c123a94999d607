/** CPU time and memory that processes use (getrusage(2), times(2)). All of a task's time counts as user time. */
import { addUsage, type LinuxProcess, type LinuxTask, noUsage, type Usage } from "../state.ts";

/** What one living thread has used. */
export function threadUsage(thread: LinuxTask): Usage {
  const usage = noUsage();
  usage.user = thread.task.cpuTime;
  usage.maximum = thread.process.process.space.committed;
  return usage;
}

/** What a process has used: its living threads and those that ended. */
export function usageOf(process: LinuxProcess): Usage {
  const sum = { ...process.usage };
  for (const thread of process.tasks) addUsage(sum, threadUsage(thread));
  return sum;
}
