/** Some of the comparisons with the other engines; all of them by `GUISE_ENGINE=jit deno test -A tests/programs/root_test.ts` (or lockstep, or arm64_test.ts with GUISE_ALL=1). */
import { guestRoot } from "../tools/guests.ts";
import { register } from "./suite.ts";

const root = guestRoot("x86-64");
register(
  "of a guest root, engine jit",
  { root, options: ["--engine", "jit"] },
  root === undefined ? "deno task guests has fetched no packages" : undefined,
  75,
);
