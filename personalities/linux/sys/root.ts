/** The root of /sys: what programs look up there about processors and memory. One processor, no devices. */
import { type GeneratedDirectory, generatedDirectory, type GeneratedFile } from "@guise/vfs/key";

function fixed(text: string | number): GeneratedFile {
  return { kind: "file", read: () => `${text}\n`, size: 4096 };
}

/** The whole of /sys. */
export function sysRoot(): GeneratedDirectory {
  const directory = generatedDirectory;
  const cpu0 = directory({
    topology: directory({
      core_id: fixed(0),
      physical_package_id: fixed(0),
      core_siblings_list: fixed(0),
      thread_siblings_list: fixed(0),
      core_cpus: fixed(1),
      thread_siblings: fixed(1),
    }),
  });
  return directory({
    block: directory({}),
    bus: directory({}),
    class: directory({ net: directory({}), tty: directory({}) }),
    dev: directory({ block: directory({}), char: directory({}) }),
    devices: directory({
      system: directory({
        clocksource: directory({
          clocksource0: directory({
            current_clocksource: fixed("tsc"),
            available_clocksource: fixed("tsc "),
          }),
        }),
        cpu: directory({
          cpu0,
          kernel_max: fixed(0),
          offline: fixed(""),
          online: fixed(0),
          possible: fixed(0),
          present: fixed(0),
        }),
        node: directory({
          node0: directory({ cpulist: fixed(0), cpumap: fixed(1) }),
          online: fixed(0),
          possible: fixed(0),
        }),
      }),
    }),
    fs: directory({}),
    kernel: directory({
      mm: directory({
        transparent_hugepage: directory({
          defrag: fixed("always defer defer+madvise [madvise] never"),
          enabled: fixed("always madvise [never]"),
          hpage_pmd_size: fixed(2097152),
          shmem_enabled: fixed("always within_size advise [never] deny force"),
        }),
      }),
    }),
    module: directory({}),
    power: directory({}),
  });
}
