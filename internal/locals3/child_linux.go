package locals3

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// childAttr lets the kernel end the server when its parent dies without closing anything, and keeps a terminal's
// interrupt, which goes to the whole group, from ending it before its parent has finished with it.
func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}

// hasXattr reports whether files in the folder can carry user attributes.
func hasXattr(dir string) bool {
	f, err := os.CreateTemp(dir, ".xattr-*")
	if err != nil {
		return false
	}
	defer os.Remove(f.Name())
	defer f.Close()
	return unix.Fsetxattr(int(f.Fd()), "user.palimpsest", []byte("1"), 0) == nil
}
