/**
 * `deno task guests`: fetches what the suite runs as guests into tests/.guests/, once.
 *
 * - root-amd64, root-arm64: small Debian systems, unpacked (not installed) with apt-get and dpkg-deb; musl-arm64: what builds for musl need;
 * - luajit-amd64, luajit-arm64: luajit with its libraries;
 * - src/gcc, src/linux: the parts of two source packages that hold suites for compilers and kernels.
 *
 * The system stays as it is and root is not needed: apt-get works on a state folder of its own, with the machine's own list
 * of sources. Where that cannot work one line says what is skipped and why; the tests that need it then skip themselves.
 *
 * @module
 */
import { dirname, fromFileUrl, join } from "@std/path";

const here = join(dirname(fromFileUrl(import.meta.url)), "..", ".guests");

/** Programs to run; what they depend on comes with them. */
const programs = [
  ...["base-files", "base-passwd", "libc-bin", "busybox-static", "musl"],
  ...["bash", "dash", "coreutils", "findutils", "grep", "sed", "mawk", "gawk", "diffutils", "debianutils"],
  ...["tar", "gzip", "bzip2", "xz-utils", "hostname", "bc", "file", "lua5.4", "sqlite3"],
  ...["python3-minimal", "libpython3-stdlib"],
];

/** What no program reads: left out. */
const unread = ["doc", "man", "info", "locale", "lintian"].map((d) => `--exclude=./usr/share/${d}`);

interface Root {
  kind: "root";
  name: string;
  arch: string;
  /** Instead of {@link programs}. */
  packages?: string[];
}
interface Source {
  kind: "source";
  name: string;
  /** The package of a release that has one, newest knowledge first. */
  packages: string[];
  /** What to take out of the archive within the package, below its top folder. */
  paths: string[];
}

const linuxPaths = [
  ...[
    "Makefile",
    "Kbuild",
    "Kconfig",
    "scripts",
    "include/uapi",
    "include/asm-generic",
    "usr/include",
    "tools/include",
  ],
  ...["tools/testing/selftests/nolibc", "tools/testing/selftests/vDSO", "tools/testing/selftests/*.h"],
  ...[
    "tools/testing/selftests/lib.mk",
    "tools/scripts",
    "tools/build",
    "tools/arch/x86/include",
    "tools/arch/arm64/include",
  ],
  ...["arch/x86/Makefile*", "arch/x86/Kbuild", "arch/x86/include/uapi", "arch/x86/include/asm/Kbuild"],
  ...["arch/x86/entry/syscalls", "arch/x86/tools", "arch/x86/um/Makefile", "arch/x86/boot/Makefile"],
  ...["arch/arm64/Makefile", "arch/arm64/Kbuild", "arch/arm64/include/uapi", "arch/arm64/include/asm/Kbuild"],
  ...["arch/arm64/tools"],
];

const sets: (Root | Source)[] = [
  { kind: "root", name: "root-amd64", arch: "amd64" },
  { kind: "root", name: "root-arm64", arch: "arm64" },
  // Headers and start files, to build programs for this libc with the cross compiler.
  { kind: "root", name: "musl-arm64", arch: "arm64", packages: ["musl-dev"] },
  // A compiler at run time, for code that changes.
  { kind: "root", name: "luajit-amd64", arch: "amd64", packages: ["luajit"] },
  { kind: "root", name: "luajit-arm64", arch: "arm64", packages: ["luajit"] },
  {
    kind: "source",
    name: "src/gcc",
    packages: ["gcc-12-source", "gcc-14-source", "gcc-13-source"],
    paths: ["gcc/testsuite/gcc.c-torture/execute", "gcc/testsuite/gcc.target/aarch64/advsimd-intrinsics"],
  },
  { kind: "source", name: "src/linux", packages: ["linux-source-6.1", "linux-source"], paths: linuxPaths },
];

/** The unpacked system of an architecture, or undefined where it was not fetched. */
export function guestRoot(arch: "x86-64" | "aarch64"): string | undefined {
  return present(arch === "x86-64" ? "root-amd64" : "root-arm64");
}

/** The unpacked luajit of an architecture with its libraries, or undefined where it was not fetched. */
export function luajitRoot(arch: "x86-64" | "aarch64"): string | undefined {
  return present(arch === "x86-64" ? "luajit-amd64" : "luajit-arm64");
}

/** Where musl's headers and start files for aarch64 are, or undefined where they were not fetched. */
export function muslForAarch64(): string | undefined {
  return present("musl-arm64");
}

/** The sources of a suite, or undefined where they were not fetched. */
export function guestSource(name: "gcc" | "linux"): string | undefined {
  return present(`src/${name}`);
}

function present(name: string): string | undefined {
  try {
    return Deno.statSync(join(here, name)).isDirectory ? join(here, name) : undefined;
  } catch {
    return undefined;
  }
}

/** Why a set is left out: the machine's fault, not ours. */
class Skip extends Error {}

async function run(command: string, args: string[], options: Deno.CommandOptions = {}): Promise<string> {
  let output: Deno.CommandOutput;
  try {
    output = await new Deno.Command(command, { args, stdout: "piped", stderr: "piped", ...options }).output();
  } catch (e) {
    if (e instanceof Deno.errors.NotFound) throw new Skip(`${command} is not on this machine`);
    throw e;
  }
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  if (!output.success) {
    const why = text(output.stderr).trim().split("\n").filter((l) => !l.startsWith("W:")).slice(-2).join(
      "; ",
    );
    throw new Skip(`${command} ${args[0] ?? ""} failed: ${why}`);
  }
  return text(output.stdout);
}

/** A pipe between programs that fails when any of them does. */
function pipe(script: string, ...args: string[]): Promise<string> {
  return run("bash", ["-c", `set -eo pipefail; ${script}`, "bash", ...args]);
}

/** apt-get for one architecture, on a state of its own in `folder`. */
class Apt {
  #env: Record<string, string>;

  private constructor(readonly folder: string) {
    this.#env = { APT_CONFIG: join(folder, "apt.conf"), LC_ALL: "C", DEBIAN_FRONTEND: "noninteractive" };
  }

  static async open(arch: string, folder: string): Promise<Apt> {
    for (const d of ["state/lists/partial", "cache/archives/partial"]) {
      await Deno.mkdir(join(folder, d), { recursive: true });
    }
    await Deno.writeTextFile(join(folder, "status"), "");
    const others = Deno.env.get("APT_CONFIG");
    // Hooks are cleared: container images have ones that empty the system's own cache after each update.
    await Deno.writeTextFile(
      join(folder, "apt.conf"),
      `${others ? await Deno.readTextFile(others) : ""}
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Post-Invoke;
#clear DPkg::Pre-Install-Pkgs;
#clear APT::Architectures;
APT::Architecture "${arch}";
APT::Architectures:: "${arch}";
APT::Sandbox::User "root";
APT::Install-Recommends "false";
APT::Keep-Downloaded-Packages "true";
Acquire::Languages "none";
Acquire::Retries "3";
Dir::State "${folder}/state";
Dir::State::status "${folder}/status";
Dir::Cache "${folder}/cache";
`,
    );
    const apt = new Apt(folder);
    await apt.get("update");
    return apt;
  }

  get(...args: string[]): Promise<string> {
    return run("apt-get", ["-q", "-y", ...args], { env: this.#env });
  }

  /** Which of `names` the sources have. */
  async known(names: string[]): Promise<string[]> {
    const all = new Set((await run("apt-cache", ["pkgnames"], { env: this.#env })).split("\n"));
    return names.filter((n) => all.has(n));
  }

  /** Fetches packages with all that they depend on; returns the files. */
  async fetch(names: string[]): Promise<string[]> {
    await this.get("--download-only", "install", ...names);
    const archives = join(this.folder, "cache/archives");
    return Array.from(Deno.readDirSync(archives)).filter((f) => f.name.endsWith(".deb"))
      .map((f) => join(archives, f.name)).sort();
  }
}

/** What the installation scripts of the packages would have made. */
async function finishRoot(root: string): Promise<void> {
  const copy: [string, string][] = [
    ["usr/share/base-passwd/passwd.master", "etc/passwd"],
    ["usr/share/base-passwd/group.master", "etc/group"],
    ["usr/share/base-files/nsswitch.conf", "etc/nsswitch.conf"],
    ["usr/share/base-files/profile", "etc/profile"],
  ];
  for (const [from, to] of copy) await Deno.copyFile(join(root, from), join(root, to)).catch(() => {});
  await Deno.writeTextFile(join(root, "etc/hostname"), "guise\n");
  await Deno.writeTextFile(join(root, "etc/hosts"), "127.0.0.1 localhost\n::1 localhost\n");
  for (const d of ["proc", "sys", "dev", "run", "root", "home", "tmp", "var/tmp", "etc"]) {
    await Deno.mkdir(join(root, d), { recursive: true });
  }
  for (const d of ["tmp", "var/tmp"]) await Deno.chmod(join(root, d), 0o1777);
  const links: [string, string][] = [["usr/bin/sh", "dash"], ["usr/bin/awk", "mawk"], [
    "usr/bin/lua",
    "lua5.4",
  ]];
  for (const [path, target] of links) await Deno.symlink(target, join(root, path)).catch(() => {});
}

async function makeRoot(set: Root, to: string, apt: Apt): Promise<string> {
  const wanted = set.packages ?? programs;
  const names = await apt.known(wanted);
  if (names.length === 0) throw new Skip("no package lists (is there a network?)");
  const files = await apt.fetch(names);
  // One /usr, as installed systems have.
  for (const d of ["bin", "sbin", "lib", ...(set.arch === "amd64" ? ["lib64"] : [])]) {
    await Deno.mkdir(join(to, "usr", d), { recursive: true });
    await Deno.symlink(`usr/${d}`, join(to, d));
  }
  for (const file of files) {
    await pipe(
      'dpkg-deb --fsys-tarfile "$1" | tar -x -C "$2" --no-same-owner --keep-directory-symlink "${@:3}"',
      file,
      to,
      ...unread,
    );
  }
  await finishRoot(to);
  const missing = wanted.filter((p) => !names.includes(p));
  return `${files.length} packages for ${set.arch}${missing.length ? `, without ${missing.join(", ")}` : ""}`;
}

async function makeSource(set: Source, to: string, apt: Apt): Promise<string> {
  const [name] = await apt.known(set.packages);
  if (!name) throw new Skip("no package lists (is there a network?), or no such package");
  const folder = join(apt.folder, "src", name);
  await Deno.mkdir(folder, { recursive: true });
  await run("apt-get", ["-q", "download", name], {
    env: { APT_CONFIG: join(apt.folder, "apt.conf") },
    cwd: folder,
  });
  const [deb] = Array.from(Deno.readDirSync(folder));
  const file = join(folder, deb.name);
  const inner = (await pipe('dpkg-deb --fsys-tarfile "$1" | tar -t', file)).split("\n")
    .find((p) => /\/(gcc|linux)-[^/]*\.tar\.xz$/.test(p));
  if (!inner) throw new Skip(`${name} has no archive in it`);
  await Deno.mkdir(to, { recursive: true });
  // One pass through both archives. tar's status 2 says that a pattern matched nothing: releases differ.
  await pipe(
    `file="$1" inner="$2" to="$3"; shift 3
     dpkg-deb --fsys-tarfile "$file" | tar -xO "$inner" |
     { tar -xJ -C "$to" --strip-components=1 --no-same-owner --wildcards --no-wildcards-match-slash "$@" 2>/dev/null || [ $? = 2 ]; }`,
    file,
    inner,
    to,
    ...set.paths.map((p) => `*/${p}`),
  );
  if (Array.from(Deno.readDirSync(to)).length === 0) {
    throw new Skip(`${name} has none of ${set.paths.join(", ")}`);
  }
  return name;
}

/** What a set is made by: when it changes, the set is made again. */
async function recipe(set: Root | Source): Promise<string> {
  const text = JSON.stringify([5, set, set.kind === "root" ? programs : []]);
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest, 0, 8), (b) => b.toString(16).padStart(2, "0")).join("");
}

const stampOf = (set: Root | Source) => join(here, `.${set.name.replace("/", "-")}.stamp`);

async function current(set: Root | Source): Promise<boolean> {
  const stamp = await Deno.readTextFile(stampOf(set)).catch(() => "");
  return stamp.trim() === await recipe(set) && present(set.name) !== undefined;
}

/** Puts a finished folder in its place: a reader sees the old one or the new one, whole. */
async function install(set: Root | Source, made: string, work: string): Promise<void> {
  const place = join(here, set.name);
  await Deno.mkdir(dirname(place), { recursive: true });
  await Deno.rename(place, join(work, `old-${set.name.replace("/", "-")}`)).catch(() => {});
  await Deno.rename(made, place);
  await Deno.writeTextFile(stampOf(set), await recipe(set) + "\n");
}

async function main(): Promise<void> {
  const wanted = async () => {
    const old: (Root | Source)[] = [];
    for (const set of sets) if (!await current(set)) old.push(set);
    return old;
  };
  if ((await wanted()).length === 0) return;
  await Deno.mkdir(here, { recursive: true });
  using lock = await Deno.open(join(here, ".lock"), { create: true, write: true });
  await lock.lock(true); // another run may be fetching the same: wait for it, then look again
  const work = await Deno.makeTempDir({ dir: here, prefix: ".work-" });
  try {
    const apts = new Map<string, Promise<Apt>>();
    const apt = (arch: string) => {
      if (!apts.has(arch)) apts.set(arch, Apt.open(arch, join(work, `apt-${arch}`)));
      return apts.get(arch)!;
    };
    const skipped = new Map<string, string[]>(); // by reason
    for (const set of await wanted()) {
      const started = Date.now();
      try {
        const made = join(work, set.name);
        const what = set.kind === "root"
          ? await makeRoot(set, made, await apt(set.arch))
          : await makeSource(set, made, await apt("amd64"));
        await install(set, made, work);
        console.log(`guests: ${set.name}: ${what}, ${((Date.now() - started) / 1000).toFixed(1)} s`);
      } catch (e) {
        if (!(e instanceof Skip)) throw e;
        skipped.set(e.message, [...skipped.get(e.message) ?? [], set.name]);
      }
    }
    for (const [why, names] of skipped) console.log(`guests: skipped ${names.join(", ")}: ${why}`);
  } finally {
    await run("chmod", ["-R", "u+w", work]).catch(() => {});
    await Deno.remove(work, { recursive: true });
  }
}

if (import.meta.main) await main();
