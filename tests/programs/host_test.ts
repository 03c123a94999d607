/** Debian's programs of the host under Guise, compared with their native runs. */
import { register } from "./suite.ts";

register("of the host", {});
