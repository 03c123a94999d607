/** The same commands from a guest root of unpacked Debian packages (`--root`), compared with the host's native runs. */
import { guestRoot } from "../tools/guests.ts";
import { register } from "./suite.ts";

const root = guestRoot("x86-64");
register(
  "of a guest root",
  { root },
  root === undefined ? "deno task guests has fetched no packages" : undefined,
);
