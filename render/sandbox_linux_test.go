//go:build linux

package render

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
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
