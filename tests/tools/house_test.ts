import { assertEquals } from "@std/assert";
import { inspect, machinePaths } from "./house.ts";

Deno.test("inspect finds machine paths, registries and long files", () => {
  const paths = machinePaths("/srv/build/checkout", "/home/someone");
  const found = (text: string, file = "a.ts") => inspect(file, text, paths).map((f) => f.message);
  assertEquals(found("a\nopen('/srv/build/checkout/x')").length, 1);
  assertEquals(found("see /home/someone/notes").length, 1);
  assertEquals(found("/srv/builders /home/user").length, 0);
  assertEquals(found(`https://${["registry", "npmjs", "org"].join(".")}/`).length, 1);
  assertEquals(found("\n".repeat(800)).length, 1);
  assertEquals(found("\n".repeat(800), "a.json").length, 0);
});
