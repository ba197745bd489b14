//go:build linux

package render

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The canary is this test binary started again: it serves a document as a child
// does, with the child's own code, and then tries what no parser may, on threads
// old and new.
func TestSealedProcessCanDoNothing(t *testing.T) {
	if dir := os.Getenv("PALIMPSEST_TEST_SEAL"); dir != "" {
		canary(dir)
		return
	}
	t.Parallel()
	dir := t.TempDir()
	for name, data := range map[string][]byte{"secret": []byte("secret"), "document": writePDF([]pdfPage{{72, 72, "0 g 0 0 9 9 re f", ""}}, "")} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	cmd := exec.Command(os.Args[0], "-test.run", "^TestSealedProcessCanDoNothing$", "-test.v")
	cmd.Env = append(os.Environ(), "PALIMPSEST_TEST_SEAL="+dir, "PALIMPSEST_TEST_ADDR="+ln.Addr().String())
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, what := range []string{"read", "write", "remove", "connect", "listen", "start"} {
		if !strings.Contains(string(out), what+": denied") || strings.Contains(string(out), what+": allowed") {
			t.Errorf("%s is not denied:\n%s", what, out)
		}
	}
	if !strings.Contains(string(out), "work: done") {
		t.Errorf("ordinary work fails:\n%s", out)
	}
}

// canary serves a page and tries the forbidden and the allowed.
func canary(dir string) {
	document, err := os.Open(filepath.Join(dir, "document"))
	if err != nil {
		fmt.Println(err)
		return
	}
	st, _ := document.Stat()
	pixels, err := pixelFile()
	if err != nil {
		fmt.Println(err)
		return
	}
	old, tried := make(chan bool), make(chan bool)
	go func() { // a thread from before the seal
		runtime.LockOSThread()
		<-old
		forbiddenThings(dir)
		tried <- true
	}()
	if err := confine(Limits{}); err != nil {
		fmt.Println(err)
		return
	}
	w := &worker{document: document, pixels: pixels}
	for _, op := range []string{"start", "open", "page"} {
		if a := w.do(&request{Op: op, Size: st.Size(), Page: 1, DPI: 72, CacheDir: cacheDir()}); a.Error != nil {
			fmt.Println(op, a.Error.error())
			return
		}
	}
	forbiddenThings(dir)
	old <- true
	<-tried
	// Threads, memory and clocks still work.
	done := make(chan int)
	for range 32 {
		go func() { done <- len(make([]byte, 1<<20)) }()
	}
	for range 32 {
		<-done
	}
	time.Sleep(time.Millisecond)
	fmt.Println("work: done")
}

// forbiddenThings tries them and says how each ended.
func forbiddenThings(dir string) {
	say := func(what string, err error) {
		if err != nil && strings.Contains(err.Error(), "not permitted") {
			fmt.Println(what + ": denied")
		} else {
			fmt.Println(what+": allowed", err)
		}
	}
	_, err := os.ReadFile(filepath.Join(dir, "secret"))
	say("read", err)
	say("write", os.WriteFile(filepath.Join(dir, "new"), []byte("x"), 0o600))
	say("remove", os.Remove(filepath.Join(dir, "secret")))
	_, err = net.DialTimeout("tcp", os.Getenv("PALIMPSEST_TEST_ADDR"), time.Second)
	say("connect", err)
	_, err = net.Listen("tcp", "127.0.0.1:0")
	say("listen", err)
	say("start", exec.Command("/bin/true").Run())
}

// A child has no environment and holds only its own files.
func TestChildIsBare(t *testing.T) {
	t.Parallel()
	d, err := openChild(t, encodePNG(t, corners(20, 20)), Options{})
	if err != nil {
		t.Fatal(err)
	}
	pid := d.src.(*host).child.cmd.Process.Pid
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"NoNewPrivs:\t1", "Seccomp:\t2"} {
		if !strings.Contains(string(status), want) {
			t.Errorf("the child's status lacks %q", want)
		}
	}
	if env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid)); err == nil && len(env) > 0 {
		t.Errorf("the child has an environment: %q", env)
	}
	limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", pid))
	if err == nil && !strings.Contains(string(limits), fmt.Sprint(MaxMemoryBytes)) {
		t.Errorf("the memory limit is not set:\n%s", limits)
	}
}

// Where the system refuses the seal, or the limits, nothing is parsed; whoever
// starts the program may say that it is all the same. The system that refuses is
// this test binary started again behind a filter of its own.
func TestNothingIsParsedUnsealed(t *testing.T) {
	if call := os.Getenv("PALIMPSEST_TEST_REFUSE"); call != "" {
		refusing(t, call)
		return
	}
	t.Parallel()
	for _, call := range []string{"seccomp", "prlimit"} {
		cmd := exec.Command(os.Args[0], "-test.run", "^TestNothingIsParsedUnsealed$", "-test.v")
		cmd.Env = append(os.Environ(), "PALIMPSEST_TEST_REFUSE="+call)
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "refused and allowed") {
			t.Errorf("%s: %v\n%s", call, err, out)
		}
	}
}

// refusing opens documents where a system call fails that the seal needs.
func refusing(t *testing.T, call string) {
	number := map[string]uintptr{"seccomp": unix.SYS_SECCOMP, "prlimit": unix.SYS_PRLIMIT64}[call]
	runtime.LockOSThread() // never unlocked: the filter is for the process, this thread has made it
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		t.Fatal(err)
	}
	prog := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offNumber},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: uint32(number)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	fprog := unix.SockFprog{Len: uint16(len(prog)), Filter: &prog[0]}
	if _, _, e := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&fprog))); e != 0 {
		t.Fatal(e)
	}
	for name, data := range map[string][]byte{"picture": encodePNG(t, corners(20, 20)), "pdf": writePDF([]pdfPage{{72, 72, "", ""}}, "")} {
		_, err := openChild(t, data, Options{})
		var e *Error
		if !errors.As(err, &e) || e.Kind != Internal || e.Op != "seal" || !strings.Contains(e.Hint, "PALIMPSEST_UNSEALED=1") || !strings.Contains(e.Error(), "not permitted") {
			t.Fatalf("%s: %v, want an internal error that says what to do", name, err)
		}
		d, err := openChild(t, data, Options{Unsealed: true})
		if err != nil {
			t.Fatalf("%s: %v where it is allowed", name, err)
		}
		if _, err := d.Page(t.Context(), 1); err != nil {
			t.Fatalf("%s: %v where it is allowed", name, err)
		}
	}
	fmt.Println("refused and allowed")
}
