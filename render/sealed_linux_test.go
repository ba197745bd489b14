//go:build linux

package render

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// checkSealed looks at a document's child from outside: it is filtered, bounded,
// holds no socket and no file but its own, and never held more memory than it
// may. It returns the most memory the child held, 0 where it is gone.
func checkSealed(t *testing.T, d *Document, l Limits) int64 {
	t.Helper()
	h := d.src.(*host)
	if h.child == nil {
		return 0
	}
	proc := fmt.Sprintf("/proc/%d/", h.child.cmd.Process.Pid)
	status, err := os.ReadFile(proc + "status")
	if err != nil {
		return 0 // it ended a moment ago
	}
	for _, want := range []string{"NoNewPrivs:\t1", "Seccomp:\t2"} {
		if !strings.Contains(string(status), want) {
			t.Errorf("%s: the child's status lacks %q", d.name, want)
		}
	}
	l = l.withDefaults()
	if bounds, err := os.ReadFile(proc + "limits"); err == nil && !strings.Contains(string(bounds), fmt.Sprintf("Max data size             %d", l.MemoryBytes)) {
		t.Errorf("%s: the child's memory is not bounded:\n%s", d.name, bounds)
	}
	open, _ := filepath.Glob(proc + "fd/*")
	for _, fd := range open {
		link, err := os.Readlink(fd)
		if err != nil {
			continue
		}
		switch {
		case strings.HasPrefix(link, "pipe:"), strings.HasPrefix(link, "anon_inode:"), link == "/dev/null", strings.HasPrefix(link, "/memfd:palimpsest-pixels"),
			strings.HasPrefix(link, "/sys/fs/cgroup/"), // Go's runtime looks up its share of the processors
			link == h.file.Name(), strings.HasSuffix(h.file.Name(), filepath.Base(link)):
		default:
			t.Errorf("%s: the child holds %s", d.name, link)
		}
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			if kib<<10 > l.MemoryBytes {
				t.Errorf("%s: the child held %d KiB, over its limit of %d bytes", d.name, kib, l.MemoryBytes)
			}
			return kib << 10
		}
	}
	return 0
}

// watch reports, when asked, whether a file was opened since.
func watch(t *testing.T, path string) func() bool {
	t.Helper()
	fd, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if _, err := unix.InotifyAddWatch(fd, path, unix.IN_OPEN|unix.IN_ACCESS); err != nil {
		t.Fatal(err)
	}
	return func() bool {
		n, _ := unix.Read(fd, make([]byte, 4096))
		return n > 0
	}
}
