/** Which Linux this says it is: uname(2), /proc/version and /proc/sys/kernel. */

/** sysname, release and version of struct utsname. */
export const SYSNAME = "Linux", RELEASE = "6.1.0-guise", VERSION = "#1 SMP PREEMPT_DYNAMIC Guise";
