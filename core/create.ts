/** Makes a kernel of plugins. */
import type { Kernel, KernelOptions } from "./kernel.ts";
import type { Plugin } from "./plugin.ts";
import { RuntimeImpl, translates } from "./runtime.ts";

/**
 * A kernel of these plugins. Their data (architectures, personalities, hooks) is known before the first `setup` runs;
 * setups run in the order of the list.
 *
 * @example
 * ```ts
 * import { createKernel } from "@guise/core";
 * const kernel = await createKernel({ plugins: [{ name: "nothing" }] });
 * await kernel.run(); // no task: at its end at once
 * ```
 */
export async function createKernel(options: KernelOptions): Promise<Kernel> {
  const kernel = new RuntimeImpl(options);
  const names = new Set<string>();
  for (const plugin of options.plugins) {
    if (names.has(plugin.name)) throw new Error(`guise: two plugins have the name ${plugin.name}`);
    names.add(plugin.name);
    const { arch, personality, hooks } = plugin;
    if (arch !== undefined) add(kernel.arches, arch, plugin, "architecture");
    if (plugin.lateArch !== undefined) kernel.addLate(plugin.lateArch);
    if (personality !== undefined) add(kernel.personalities, personality, plugin, "personality");
    if (hooks !== undefined) kernel.hook(hooks);
  }
  // Wrong tables are found now, not at the first call.
  for (const personality of kernel.personalities.values()) {
    for (const arch of kernel.arches.values()) kernel.tablesOf(personality, arch);
  }
  for (const personality of kernel.personalities.values()) personality.setup?.(kernel);
  for (const plugin of options.plugins) await plugin.setup?.(kernel);
  if (translates(kernel.options)) {
    for (const arch of kernel.arches.values()) {
      await arch.loadTranslator?.();
    }
  }
  return kernel;
}

function add<T extends { readonly name: string }>(
  to: Map<string, T>,
  it: T,
  plugin: Plugin,
  what: string,
): void {
  if (to.has(it.name)) {
    throw new Error(`guise: the plugin ${plugin.name} brings the ${what} ${it.name} once more`);
  }
  to.set(it.name, it);
}
