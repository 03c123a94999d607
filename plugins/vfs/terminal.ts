/** Terminals: termios, window size, line discipline. In work: fields first. */

/** termios of Linux: flag words, line discipline, 19 control characters, speeds (as TCGETS2 has them; 38400 is 38400). */
export interface Termios {
  iflag: number;
  oflag: number;
  cflag: number;
  lflag: number;
  line: number;
  /** VINTR, VQUIT, VERASE, VKILL, VEOF, VTIME, VMIN, … as on Linux. */
  readonly cc: Uint8Array;
  ispeed: number;
  ospeed: number;
}

/** A terminal, shared by all open files of it. */
export interface Terminal {
  /** Read it for TCGETS; change it by {@link setTermios}. */
  readonly termios: Termios;
  /** TCSETS ("now"), TCSETSW ("drain"), TCSETSF ("flush"). */
  setTermios(termios: Termios, when: "now" | "drain" | "flush"): void;
  /** Window size; setting it raises SIGWINCH by {@link onSignal}. */
  winsize: {
    readonly rows: number;
    readonly columns: number;
    readonly xpixel: number;
    readonly ypixel: number;
  };
  /** TCFLSH: input, output or both. */
  flush(input: boolean, output: boolean): void;
  /** Session id and foreground process group, kept for the personality; 0: none. */
  session: number;
  foreground: number;
  /** Called when a key means a signal (SIGINT 2, SIGQUIT 3, SIGTSTP 20, SIGWINCH 28): to the foreground group. */
  onSignal: ((signal: number) => void) | undefined;
  readonly rdev: number;
}
