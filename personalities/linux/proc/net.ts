/** /proc/PID/net: the tables of a network without sockets; their headings only. */
import { type GeneratedDirectory, generatedDirectory, type GeneratedNode } from "@guise/vfs/key";

const HEADINGS: Readonly<Record<string, string>> = {
  dev: "Inter-|   Receive                                                |  Transmit\n" +
    " face |bytes    packets errs drop fifo frame compressed multicast|" +
    "bytes    packets errs drop fifo colls carrier compressed",
  route: "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT",
  tcp: "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode",
  udp:
    "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref " +
    "pointer drops",
  unix: "Num       RefCount Protocol Flags    Type St Inode Path",
};

/** Every process sees the one network. */
export const netDirectory: GeneratedDirectory = generatedDirectory(
  Object.fromEntries(
    Object.entries(HEADINGS).map(([name, heading]): [string, GeneratedNode] => [
      name,
      { kind: "file", read: () => heading + "\n" },
    ]),
  ),
);
