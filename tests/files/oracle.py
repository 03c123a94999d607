"""Does file operations with the real kernel: JSON lines in ([uid, op, args...]), error numbers (or values) out."""
import ctypes, json, os, stat, sys

libc = ctypes.CDLL(None, use_errno=True)
base = sys.argv[1]
os.chdir(base)
os.umask(0o022)
switch = os.getuid() == 0


def become(uid):
    if not switch:
        return
    os.seteuid(0)
    os.setgroups([])
    os.setegid(uid)
    os.seteuid(uid)


def renameat2(a, b, flags):
    if libc.renameat2(-100, a.encode(), -100, b.encode(), flags) != 0:
        raise OSError(ctypes.get_errno(), "")


def linkat(a, b, follow):
    # os.link does not follow whatever it is told.
    if libc.linkat(-100, a.encode(), -100, b.encode(), 0x400 if follow else 0) != 0:
        raise OSError(ctypes.get_errno(), "")


def do_open(path, flags, mode):
    os.close(os.open(path, flags | os.O_NONBLOCK, mode))


def write(path, flags, text):
    fd = os.open(path, flags | os.O_NONBLOCK, 0o644)
    try:
        return os.write(fd, text.encode())
    finally:
        os.close(fd)


def tree(path):
    lines = []
    for root, dirs, files in os.walk(path):
        dirs.sort()
        for name in sorted(dirs + files):
            full = os.path.join(root, name)
            s = os.lstat(full)
            size = 0 if stat.S_ISDIR(s.st_mode) else s.st_size
            link = os.readlink(full) if stat.S_ISLNK(s.st_mode) else ""
            lines.append([os.path.relpath(full, path), oct(s.st_mode), s.st_uid, s.st_gid, s.st_nlink, size, link])
    return sorted(lines)


OPS = {
    "mkdir": os.mkdir,
    "rmdir": os.rmdir,
    "unlink": os.unlink,
    "rename": os.rename,
    "rename2": renameat2,
    "link": linkat,
    "symlink": os.symlink,
    "readlink": os.readlink,
    "open": do_open,
    "write": write,
    "chmod": os.chmod,
    "chown": lambda p, u, g: os.chown(p, u, g, follow_symlinks=False),
    "truncate": os.truncate,
    "mkfifo": os.mkfifo,
    "mknod": os.mknod,
    "access": lambda p, w: None if os.access(p, w, effective_ids=True) else 1,
    "stat": lambda p: stat.S_IFMT(os.stat(p).st_mode),
    "lstat": lambda p: stat.S_IFMT(os.lstat(p).st_mode),
    "listdir": lambda p: sorted(os.listdir(p)),
    "utime": lambda p, a, m: os.utime(p, (a, m)),
    "touch": lambda p: os.utime(p),
}

for line in sys.stdin:
    uid, op, *args = json.loads(line)
    try:
        if op == "tree":
            become(0)
            result = tree(".")
        else:
            become(uid)
            result = OPS[op](*args)
            if result is None:
                result = 0
    except OSError as e:
        result = -e.errno
    print(json.dumps(result))
