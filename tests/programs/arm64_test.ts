/**
 * The same commands from a guest root of unpacked arm64 packages: they leave what the host's own programs leave natively, so the other
 * architecture makes no difference.
 */
import { guestRoot } from "../tools/guests.ts";
import { register } from "./suite.ts";

const root = guestRoot("aarch64");
register(
  "of an aarch64 guest root",
  { root },
  root === undefined ? "deno task guests has fetched no packages" : undefined,
  // Every second one: half as long. GUISE_ALL=1 runs all (298 of 298 on 22 November 2026).
  Deno.env.get("GUISE_ALL") === undefined ? 2 : 1,
);
