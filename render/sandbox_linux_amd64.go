package render

import "golang.org/x/sys/unix"

// forbiddenOld are the older calls that newer processors' tables lack.
var forbiddenOld = []uintptr{
	unix.SYS_OPEN, unix.SYS_CREAT, unix.SYS_UNLINK, unix.SYS_RENAME, unix.SYS_RENAMEAT, unix.SYS_MKDIR, unix.SYS_RMDIR,
	unix.SYS_LINK, unix.SYS_SYMLINK, unix.SYS_MKNOD, unix.SYS_CHMOD, unix.SYS_CHOWN, unix.SYS_LCHOWN, unix.SYS_ACCEPT,
	unix.SYS_FORK, unix.SYS_VFORK, unix.SYS_INOTIFY_INIT, unix.SYS_UTIME, unix.SYS_UTIMES,
}
