/** Go's own runtime on both CPUs: threads made by clone, pre-emption by signals, faults that become panics, sockets. */
import { assertEquals, assertMatch } from "@std/assert";
import { run } from "@guise/guise";
import { fromFileUrl } from "@std/path";
import { compile } from "../tools/compile.ts";

const folder = fromFileUrl(new URL("../.guests/programs/", import.meta.url));
const here = fromFileUrl(new URL(".", import.meta.url));
const linux = Deno.build.os === "linux" && Deno.build.arch === "x86_64";

/** The program for a CPU, as Go names it; undefined: there is no Go. */
function build(name: string, arch: "amd64" | "arm64"): string | undefined {
  Deno.mkdirSync(folder, { recursive: true });
  const program = `${folder}${name}.${arch}`;
  try {
    const env = { GOARCH: arch, GOOS: "linux", CGO_ENABLED: "0", GO111MODULE: "off" };
    assertEquals(compile(program, "go", ["build", "-o", program, `${here}${name}.go`], env), undefined);
    return program;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

const hasGo = linux &&
  await new Deno.Command("go", { args: ["version"] }).output().then((o) => o.success, () => false);

const ARGUMENTS = ["b", "a", "b"];
for (const arch of ["amd64", "arm64"] as const) {
  for (const name of ["hello", "goroutines", "http", "panic"]) {
    Deno.test({
      name: `Go's ${name}.go for ${arch} runs as natively` + (hasGo ? "" : " (needs go)"),
      ignore: !hasGo,
      fn: async () => {
        const native = build(name, "amd64"), program = build(name, arch);
        const expected = await new Deno.Command(native!, { args: ARGUMENTS, env: { GOTRACEBACK: "single" } })
          .output();
        const result = await run(await Deno.readFile(program!), {
          args: ARGUMENTS,
          env: { GOTRACEBACK: "single" },
          timeout: 300_000,
        });
        const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
        assertEquals(
          { status: result.status, text: result.text(), errors: general(text(result.stderr)) },
          { status: expected.code, text: text(expected.stdout), errors: general(text(expected.stderr)) },
        );
        if (name === "panic") {
          assertMatch(
            text(result.stderr),
            /invalid memory address or nil pointer dereference\n\[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 /,
          );
        }
      },
    });
  }
}

/** A trace without what differs between CPUs and builds: addresses, arguments, lines of Go's own sources. */
function general(trace: string): string {
  return trace.replace(/0x[0-9a-f]+\??/g, "N").replace(/\{?N(, N)*\}?/g, "N");
}
