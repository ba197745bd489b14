//go:build linux

package render

import (
	"fmt"
	"os"
	"runtime/debug"
	"syscall"

	"golang.org/x/sys/unix"
)

// maxOpenFiles is enough for the pipes, the document, fonts and the cache.
const maxOpenFiles = 64

// confine bounds this process before it reads a byte of the document. Memory is
// bounded by RLIMIT_DATA, private writable memory, because Go and WebAssembly
// reserve far more address space than they use.
func confine(l Limits) error {
	l = l.withDefaults()
	unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
	for _, r := range []struct {
		what  int
		limit uint64
	}{
		{unix.RLIMIT_CORE, 0},
		{unix.RLIMIT_DATA, uint64(l.MemoryBytes)},
		{unix.RLIMIT_CPU, uint64(cpuSeconds(l))},
		{unix.RLIMIT_NOFILE, maxOpenFiles},
		// The pixels of a page, and the compiled WebAssembly in the cache.
		{unix.RLIMIT_FSIZE, uint64(max(4*l.RasterPixels, 64<<20))},
	} {
		if err := unix.Setrlimit(r.what, &unix.Rlimit{Cur: r.limit, Max: r.limit}); err != nil {
			return fmt.Errorf("resource limit %d: %w", r.what, err)
		}
	}
	// Collect harder before the hard limit is met.
	debug.SetMemoryLimit(l.MemoryBytes * 3 / 4)
	return nil
}

// childAttributes makes the child die with the parent and stay out of its
// process group's signals.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}

// executable is this program, even when its file was replaced meanwhile.
func executable() (string, error) { return "/proc/self/exe", nil }

// pixelFile makes the memory file that carries pixels.
func pixelFile() (*os.File, error) {
	fd, err := unix.MemfdCreate("palimpsest-pixels", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), "pixels"), nil
}

// peakMemory is the largest resident memory in bytes of a process that ended.
func peakMemory(state *os.ProcessState) int64 {
	if state == nil {
		return 0
	}
	if use, ok := state.SysUsage().(*syscall.Rusage); ok {
		return use.Maxrss << 10
	}
	return 0
}
