import { assertEquals } from "@std/assert";
import {
  ALL_CAPABILITIES,
  CAP_CHOWN,
  CAP_SETUID,
  execCredentials,
  fixCapabilities,
  fixFileCapabilities,
  login,
  NO_CAPABILITIES,
} from "./credentials.ts";

Deno.test("login gives root all capabilities and others none", () => {
  assertEquals(login(0, 0).capable(CAP_SETUID), true);
  assertEquals(login(1000, 1000).capable(CAP_SETUID), false);
});

Deno.test("fixCapabilities drops all when the last root id goes, unless PR_SET_KEEPCAPS", () => {
  const root = login(0, 0);
  const user = { uid: 1000, euid: 1000, suid: 1000 };
  const dropped = fixCapabilities(root, root.with(user));
  assertEquals([dropped.effective, dropped.permitted], [NO_CAPABILITIES, NO_CAPABILITIES]);
  const keeping = root.with({ keepCapabilities: true });
  const kept = fixCapabilities(keeping, keeping.with(user));
  assertEquals([kept.effective, kept.permitted], [NO_CAPABILITIES, ALL_CAPABILITIES]);
});

Deno.test("fixCapabilities clears the effective set when only euid leaves 0, and restores it when it returns", () => {
  const root = login(0, 0);
  const away = fixCapabilities(root, root.with({ euid: 1000 }));
  assertEquals([away.capable(CAP_CHOWN), away.permitted], [false, ALL_CAPABILITIES]);
  assertEquals(fixCapabilities(away, away.with({ euid: 0 })).capable(CAP_CHOWN), true);
});

Deno.test("fixFileCapabilities takes only the file capabilities when fsuid leaves 0", () => {
  const root = login(0, 0);
  const away = fixFileCapabilities(root, root.with({ fsuid: 1000 }));
  assertEquals([away.capable(CAP_CHOWN), away.capable(CAP_SETUID)], [false, true]);
  assertEquals(fixFileCapabilities(away, away.with({ fsuid: 0 })).capable(CAP_CHOWN), true);
});

Deno.test("execCredentials honours set-id bits unless no_new_privs is set", () => {
  const user = login(1000, 1000);
  const suid = { mode: 0o104755, uid: 0, gid: 0 };
  const after = execCredentials(user, suid, false);
  assertEquals([after.uid, after.euid, after.suid, after.fsuid, after.capable(CAP_SETUID)], [
    1000,
    0,
    0,
    0,
    true,
  ]);
  assertEquals(execCredentials(user, suid, true).euid, 1000);
  // Set-group-ID without group execute is mandatory locking, not privilege.
  assertEquals(execCredentials(user, { mode: 0o102745, uid: 5, gid: 5 }, false).egid, 1000);
  assertEquals(execCredentials(user, { mode: 0o102755, uid: 5, gid: 5 }, false).egid, 5);
});
