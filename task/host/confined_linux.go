package host

import (
	"errors"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// fence is one way to keep a plugin from what it needs not.
type fence struct {
	name     string
	uid, gid int     // -1: the host's own
	flags    uintptr // namespaces of its own
}

// fences lists what may be tried, strongest first. Root gives the plugin
// another user and a network namespace of its own, in which nothing is
// reachable; anybody else tries the namespace by way of a user namespace.
func fences(name string) []fence {
	none := fence{"none", -1, -1, 0}
	if os.Geteuid() != 0 {
		return []fence{{"no network", -1, -1, unix.CLONE_NEWUSER | unix.CLONE_NEWNET}, none}
	}
	if name == "-" {
		return []fence{{"no network", -1, -1, unix.CLONE_NEWNET}, none}
	}
	uid, gid := lookUp(name)
	return []fence{{"other user, no network", uid, gid, unix.CLONE_NEWNET | unix.CLONE_NEWIPC}, {"other user", uid, gid, 0}, none}
}

func lookUp(name string) (uid, gid int) {
	const nobody = 65534 // the kernel's overflow id, for systems without such an entry
	u, err := user.Lookup(name)
	if err != nil {
		return nobody, nobody
	}
	uid, errU := strconv.Atoi(u.Uid)
	gid, errG := strconv.Atoi(u.Gid)
	if errU != nil || errG != nil {
		return nobody, nobody
	}
	return uid, gid
}

func (f fence) attributes() *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{
		Setpgid:    true,            // so that its children die with it
		Pdeathsig:  syscall.SIGKILL, // so that it dies with us
		Cloneflags: f.flags,
	}
	if f.uid >= 0 {
		a.Credential = &syscall.Credential{Uid: uint32(f.uid), Gid: uint32(f.gid)}
	}
	if f.flags&unix.CLONE_NEWUSER != 0 {
		a.UidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getuid(), HostID: os.Getuid(), Size: 1}}
		a.GidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getgid(), HostID: os.Getgid(), Size: 1}}
	}
	return a
}

// refuses reports whether a start may have failed because of the fence and
// not because of the program.
func (f fence) refuses(err error) bool {
	if f.uid < 0 && f.flags == 0 {
		return false
	}
	for _, e := range []error{unix.EPERM, unix.EACCES, unix.EINVAL, unix.ENOSPC, unix.ENOSYS, unix.EUSERS} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// launcher sets limits and becomes the plugin. A shell does it because the
// limits must be set by the child: in a container, root may not set those of
// another user's process. Data, not address space, is limited: a Go program
// reserves far more than it uses. Where a limit may not be set the plugin
// runs without it.
const launcher = `ulimit -c 0; ulimit -n 256; ulimit -f 524288; [ "$1" = 0 ] || ulimit -d "$1"; shift; exec "$0" "$@"`

// limited is the command that runs a program under limits.
func limited(memory int64, path string, args ...string) *exec.Cmd {
	const shell = "/bin/sh"
	if _, err := os.Stat(shell); err != nil {
		return exec.Command(path, args...)
	}
	return exec.Command(shell, append([]string{"-c", launcher, path, strconv.FormatInt(max(0, memory)/1024, 10)}, args...)...)
}

func killGroup(p *os.Process) {
	// The group may be gone while the process still waits to be collected.
	if err := unix.Kill(-p.Pid, unix.SIGKILL); err != nil {
		_ = p.Kill()
	}
}
