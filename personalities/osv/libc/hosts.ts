/**
 * netdb.h: names of hosts and services, from /etc/hosts and /etc/services. There is no name server, since there is no network:
 * other names are not known.
 */
import type { Task } from "@guise/core";
import { arg, type Calls, type DirectCall, int, text } from "../direct.ts";
import { osvOf, type OsvProcess } from "../state.ts";
import { fileBytes } from "./files.ts";

const AF_UNSPEC = 0, AF_INET = 2, AF_INET6 = 10;
const SOCK_STREAM = 1, SOCK_DGRAM = 2, SOCK_RAW = 3;
const EAI_BADFLAGS = -1,
  EAI_NONAME = -2,
  EAI_ADDRFAMILY = -9,
  EAI_FAMILY = -6,
  EAI_SOCKTYPE = -7,
  EAI_SERVICE = -8,
  EAI_MEMORY = -10,
  EAI_OVERFLOW = -12;
const AI_PASSIVE = 1, AI_CANONNAME = 2, AI_NUMERICHOST = 4, AI_NUMERICSERV = 0x400;
const NI_NUMERICHOST = 1, NI_NUMERICSERV = 2, NI_NAMEREQD = 8, NI_DGRAM = 16;
const HOST_NOT_FOUND = 1;

/** An address: 4 or 16 bytes. */
type Address = Uint8Array;

/** IPv4 in its dotted form. */
function parse4(words: string): Address | undefined {
  const parts = words.split(".");
  if (parts.length !== 4 || !parts.every((each) => /^\d{1,3}$/.test(each) && Number(each) < 256)) {
    return undefined;
  }
  return Uint8Array.from(parts, Number);
}
/** IPv6, with `::` and with an IPv4 end. */
function parse6(words: string): Address | undefined {
  const [head, tail, ...more] = words.split("::");
  if (more.length > 0 || !words.includes(":")) return undefined;
  const groups = (part: string | undefined): number[] | undefined => {
    if (part === undefined || part === "") return [];
    const list: number[] = [];
    for (const [n, each] of part.split(":").entries()) {
      const four = each.includes(".") && n === part.split(":").length - 1 ? parse4(each) : undefined;
      if (four !== undefined) list.push(four[0] << 8 | four[1], four[2] << 8 | four[3]);
      else if (/^[0-9a-fA-F]{1,4}$/.test(each)) list.push(parseInt(each, 16));
      else return undefined;
    }
    return list;
  };
  const first = groups(head), last = groups(tail);
  if (first === undefined || last === undefined) return undefined;
  const gap = 8 - first.length - last.length;
  if (tail === undefined ? gap !== 0 : gap < 1) return undefined;
  const all = [...first, ...new Array(gap).fill(0), ...last];
  return Uint8Array.from(all.flatMap((n) => [n >> 8, n & 255]));
}

function shown(address: Address): string {
  if (address.length === 4) return [...address].join(".");
  const groups = Array.from({ length: 8 }, (_, n) => (address[2 * n] << 8 | address[2 * n + 1]).toString(16));
  let start = -1, length = 1;
  for (let n = 0; n < 8; n++) {
    let end = n;
    while (end < 8 && groups[end] === "0") end++;
    if (end - n > length) [start, length] = [n, end - n];
  }
  if (start < 0) return groups.join(":");
  return `${groups.slice(0, start).join(":")}::${groups.slice(start + length).join(":")}`;
}

/** Lines of a table, without comments, as words. */
function table(task: Task, path: string): string[][] {
  const lines = new TextDecoder().decode(fileBytes(task, path)).split("\n");
  return lines.map((line) => line.replace(/#.*/, "").trim().split(/\s+/)).filter(([first]) => first !== "");
}

interface Host {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly addresses: readonly Address[];
}

/** Addresses of a name, of one family or of any. */
function hostNamed(task: Task, name: string, family: number): Host | undefined {
  const fits = (address: Address): boolean =>
    family === AF_UNSPEC || (family === AF_INET) === (address.length === 4);
  const numeric = parse4(name) ?? parse6(name);
  if (numeric !== undefined) return fits(numeric) ? { name, aliases: [], addresses: [numeric] } : undefined;
  const addresses: Address[] = [];
  let official: string | undefined, aliases: readonly string[] = [];
  for (const [address, ...names] of table(task, "/etc/hosts")) {
    const bytes = parse4(address) ?? parse6(address);
    if (
      bytes === undefined || !fits(bytes) || !names.some((each) => each.toLowerCase() === name.toLowerCase())
    ) continue;
    official ??= names[0];
    if (addresses.length === 0) aliases = names.slice(1);
    addresses.push(bytes);
  }
  if (addresses.length === 0 && name === "localhost") {
    if (family !== AF_INET) addresses.push(parse6("::1")!);
    if (family !== AF_INET6) addresses.push(parse4("127.0.0.1")!);
  }
  return addresses.length === 0 ? undefined : { name: official ?? name, aliases, addresses };
}
function hostAt(task: Task, address: Address): Host | undefined {
  const wanted = shown(address);
  for (const [first, name, ...aliases] of table(task, "/etc/hosts")) {
    const bytes = parse4(first) ?? parse6(first);
    if (bytes !== undefined && shown(bytes) === wanted && name !== undefined) {
      return { name, aliases, addresses: [address] };
    }
  }
  return undefined;
}

interface Service {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly port: number;
  readonly protocol: string;
}
function service(task: Task, wanted: (each: Service) => boolean): Service | undefined {
  for (const [name, place, ...aliases] of table(task, "/etc/services")) {
    const [port, protocol] = (place ?? "").split("/");
    const each = { name, aliases, port: Number(port), protocol: protocol ?? "" };
    if (wanted(each)) return each;
  }
  return undefined;
}

/** A block in which structures and strings are laid one behind the other. */
class Block {
  readonly #task: Task;
  #at: number;
  readonly #end: number;
  full = false;
  constructor(task: Task, at: number, room: number) {
    this.#task = task;
    this.#at = at;
    this.#end = at + room;
  }
  place(length: number): number {
    const at = Math.ceil(this.#at / 8) * 8;
    this.#at = at + length;
    if (this.#at > this.#end) this.full = true;
    return at;
  }
  bytes(bytes: Uint8Array): number {
    const at = this.place(bytes.length);
    if (!this.full) this.#task.space.write(at, bytes);
    return at;
  }
  string(words: string): number {
    return this.bytes(new TextEncoder().encode(`${words}\0`));
  }
  pointers(list: readonly number[]): number {
    const at = this.place(8 * (list.length + 1));
    if (!this.full) [...list, 0].forEach((value, n) => this.#task.space.setNum64(at + 8 * n, value));
    return at;
  }
}

const ROOM = 8192;
const blocks = new WeakMap<OsvProcess, number>();
function own(task: Task): number {
  const osv = osvOf(task);
  let at = blocks.get(osv);
  if (at === undefined) blocks.set(osv, at = osv.heap.allocate(ROOM + 32));
  return at;
}

/** struct hostent: name, aliases, type, length, addresses. */
function fillHost(task: Task, target: number, block: Block, host: Host): boolean {
  const [first] = host.addresses;
  const same = host.addresses.filter((each) => each.length === first.length);
  const name = block.string(host.name),
    aliases = block.pointers(host.aliases.map((each) => block.string(each)));
  const list = block.pointers(same.map((each) => block.bytes(each)));
  if (block.full) return false;
  const { space } = task;
  space.setNum64(target, name);
  space.setNum64(target + 8, aliases);
  space.setU32(target + 16, first.length === 4 ? AF_INET : AF_INET6);
  space.setU32(target + 20, first.length);
  return space.setNum64(target + 24, list);
}
/** struct servent: name, aliases, port, protocol. */
function fillService(task: Task, target: number, block: Block, found: Service): boolean {
  const name = block.string(found.name),
    aliases = block.pointers(found.aliases.map((each) => block.string(each)));
  const protocol = block.string(found.protocol);
  if (block.full) return false;
  task.space.setNum64(target, name);
  task.space.setNum64(target + 8, aliases);
  task.space.setU32(target + 16, (found.port & 255) << 8 | found.port >> 8);
  return task.space.setNum64(target + 24, protocol);
}

type Fill<T> = (task: Task, target: number, block: Block, found: T) => boolean;

/** The plain form answers a structure of ours, or null with h_errno. */
const plain = <T>(find: (task: Task) => T | undefined, fill: Fill<T>): DirectCall => (task) => {
  const found = find(task), at = own(task);
  if (found !== undefined && fill(task, at, new Block(task, at + 64, ROOM - 64), found)) return at;
  const where = osvOf(task).linked?.lookup("h_errno");
  if (where !== undefined) task.space.setU32(where, HOST_NOT_FOUND);
  return 0;
};
/** The _r form: structure, buffer, room, result, and for hosts h_errno, from argument `n`. */
const into =
  <T>(find: (task: Task) => T | undefined, fill: Fill<T>, n: number, host: boolean): DirectCall => (task) => {
    const found = find(task), target = arg(task, n), result = arg(task, n + 3);
    task.space.setNum64(result, 0);
    if (found === undefined) {
      if (host) task.space.setU32(arg(task, n + 4), HOST_NOT_FOUND);
      return 0;
    }
    if (!fill(task, target, new Block(task, arg(task, n + 1), arg(task, n + 2)), found)) return 34;
    task.space.setNum64(result, target);
    return 0;
  };

const named = (family: (task: Task) => number) => (task: Task): Host | undefined =>
  hostNamed(task, text(task, arg(task, 0)) ?? "", family(task));
const addressed = (task: Task): Host | undefined => {
  const length = int(task, 1);
  const bytes = length === 4 || length === 16 ? task.space.read(arg(task, 0), length) : undefined;
  return bytes && hostAt(task, bytes);
};
const protocolOf = (task: Task): string => arg(task, 1) === 0 ? "" : text(task, arg(task, 1)) ?? "";
const byName = (task: Task): Service | undefined => {
  const name = text(task, arg(task, 0)) ?? "", protocol = protocolOf(task);
  return service(
    task,
    (s) => (s.name === name || s.aliases.includes(name)) && (protocol === "" || s.protocol === protocol),
  );
};
const byPort = (task: Task): Service | undefined => {
  const n = int(task, 0), port = (n & 255) << 8 | n >> 8 & 255, protocol = protocolOf(task);
  return service(task, (s) => s.port === port && (protocol === "" || s.protocol === protocol));
};

/** A struct sockaddr of an address and a port. */
function socketAddress(address: Address, port: number): Uint8Array {
  const bytes = new Uint8Array(address.length === 4 ? 16 : 28);
  bytes[0] = address.length === 4 ? AF_INET : AF_INET6;
  bytes[2] = port >> 8;
  bytes[3] = port & 255;
  bytes.set(address, address.length === 4 ? 4 : 8);
  return bytes;
}

const types = [[SOCK_STREAM, 6, "tcp"], [SOCK_DGRAM, 17, "udp"], [SOCK_RAW, 0, ""]] as const;
const INFO = 48;

const getaddrinfo: DirectCall = (task) => {
  const { space } = task, { heap } = osvOf(task);
  const [node, name, hints, out] = [0, 1, 2, 3].map((n) => arg(task, n));
  const hint = (n: number): number => hints === 0 ? 0 : (space.getU32(hints + 4 * n) ?? 0) | 0;
  const flags = hint(0), family = hint(1), type = hint(2);
  if (![AF_UNSPEC, AF_INET, AF_INET6].includes(family)) return EAI_FAMILY;
  if (flags & AI_CANONNAME && node === 0) return EAI_BADFLAGS;
  if (type < 0 || type > SOCK_RAW) return EAI_SOCKTYPE;
  const host = node === 0 ? undefined : text(task, node), port = name === 0 ? "0" : text(task, name) ?? "";
  if (node === 0 && name === 0) return EAI_NONAME;
  const numeric = host !== undefined && (parse4(host) ?? parse6(host)) !== undefined;
  if (flags & AI_NUMERICHOST && host !== undefined && !numeric) return EAI_NONAME;
  const found = host === undefined ? anywhere(flags & AI_PASSIVE, family) : hostNamed(task, host, family);
  if (found === undefined) return numeric ? EAI_ADDRFAMILY : EAI_NONAME;
  const rows: [address: Address, port: number, type: number, protocol: number][] = [];
  for (const address of found.addresses) {
    for (const [each, protocol, word] of types) {
      if (type !== 0 && type !== each) continue;
      const known = /^\d+$/.test(port)
        ? Number(port)
        : flags & AI_NUMERICSERV || word === ""
        ? undefined
        : service(task, (s) => (s.name === port || s.aliases.includes(port)) && s.protocol === word)?.port;
      if (known !== undefined && known < 65536) rows.push([address, known, each, protocol]);
    }
  }
  if (rows.length === 0) return flags & AI_NUMERICSERV ? EAI_NONAME : EAI_SERVICE;
  let next = 0;
  for (let n = rows.length - 1; n >= 0; n--) {
    const [address, known, each, protocol] = rows[n];
    const bytes = socketAddress(address, known);
    const canonical = n === 0 && flags & AI_CANONNAME
      ? new TextEncoder().encode(`${found.name}\0`)
      : undefined;
    const block = heap.allocate(INFO + 32 + (canonical?.length ?? 0));
    if (block === 0) return EAI_MEMORY;
    [flags, bytes[0], each, protocol, bytes.length, 0].forEach((value, k) =>
      space.setU32(block + 4 * k, value >>> 0)
    );
    space.setNum64(block + 24, block + INFO);
    space.setNum64(block + 32, canonical === undefined ? 0 : block + INFO + 32);
    space.setNum64(block + 40, next);
    space.write(block + INFO, bytes);
    if (canonical !== undefined) space.write(block + INFO + 32, canonical);
    next = block;
  }
  return space.setNum64(out, next) ? 0 : EAI_MEMORY;
};

/** The address of this machine, or of every one of its own. */
function anywhere(passive: number, family: number): Host {
  const list = [
    ...(family === AF_INET6 ? [] : [passive ? "0.0.0.0" : "127.0.0.1"]),
    ...(family === AF_INET ? [] : [passive ? "::" : "::1"]),
  ];
  return { name: "localhost", aliases: [], addresses: list.map((each) => (parse4(each) ?? parse6(each))!) };
}

const freeaddrinfo: DirectCall = (task) => {
  const { heap } = osvOf(task);
  for (let at = arg(task, 0), n = 0; at !== 0 && n < 4096; n++) {
    const next = task.space.getNum64(at + 40) ?? 0;
    if (!heap.release(at)) break;
    at = next;
  }
  return 0;
};

const getnameinfo: DirectCall = (task) => {
  const { space } = task;
  const bytes = space.read(arg(task, 0), Math.min(28, arg(task, 1)));
  const [host, hostRoom, name, nameRoom] = [
    arg(task, 2),
    arg(task, 3) >>> 0,
    arg(task, 4),
    arg(task, 5) >>> 0,
  ];
  const flags = int(task, 6);
  if (bytes === undefined || (bytes[0] !== AF_INET && bytes[0] !== AF_INET6)) return EAI_FAMILY;
  if (bytes.length < (bytes[0] === AF_INET ? 16 : 28)) return EAI_FAMILY;
  const address = bytes[0] === AF_INET ? bytes.slice(4, 8) : bytes.slice(8, 24),
    port = bytes[2] << 8 | bytes[3];
  const give = (target: number, room: number, words: string): boolean => {
    const encoded = new TextEncoder().encode(`${words}\0`);
    return target === 0 || room === 0 || (encoded.length <= room && space.write(target, encoded));
  };
  const found = flags & NI_NUMERICHOST ? undefined : hostAt(task, address);
  if (found === undefined && flags & NI_NAMEREQD) return EAI_NONAME;
  const protocol = flags & NI_DGRAM ? "udp" : "tcp";
  const known = flags & NI_NUMERICSERV
    ? undefined
    : service(task, (s) => s.port === port && s.protocol === protocol);
  const fine = give(host, hostRoom, found?.name ?? shown(address)) &&
    give(name, nameRoom, known?.name ?? String(port));
  return fine ? 0 : EAI_OVERFLOW;
};

/** See the file's head. */
export const hostCalls: Calls = {
  getaddrinfo,
  freeaddrinfo,
  getnameinfo,
  gethostbyname: plain(named(() => AF_INET), fillHost),
  gethostbyname2: plain(named((t) => int(t, 1)), fillHost),
  gethostbyaddr: plain(addressed, fillHost),
  gethostbyname_r: into(named(() => AF_INET), fillHost, 1, true),
  gethostbyname2_r: into(named((t) => int(t, 1)), fillHost, 2, true),
  gethostbyaddr_r: into(addressed, fillHost, 3, true),
  getservbyname: plain(byName, fillService),
  getservbyport: plain(byPort, fillService),
  getservbyname_r: into(byName, fillService, 2, false),
  getservbyport_r: into(byPort, fillService, 2, false),
  inet_ntoa: (task) => {
    const n = arg(task, 0);
    const words = [n & 255, n >>> 8 & 255, n >>> 16 & 255, Math.floor(n / 2 ** 24) & 255].join(".");
    const at = own(task) + ROOM; // not where the other functions answer
    return task.space.write(at, new TextEncoder().encode(`${words}\0`)) ? at : 0;
  },
};
