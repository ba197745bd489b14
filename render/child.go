package render

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// childGrace is how long a killed child may take to be gone.
const childGrace = 5 * time.Second

// stderrBytes of a child are kept to tell why it died.
const stderrBytes = 4 << 10

// host keeps one child for an open document and makes a new one when it had to
// be killed.
type host struct {
	mu     sync.Mutex
	file   *os.File
	open   request
	info   info
	leave  leave         // of the document, as the second look has it
	spent  time.Duration // on pages so far
	child  *child
	closed bool
}

// child is one running process.
type child struct {
	cmd    *exec.Cmd
	to     *os.File
	from   *bufio.Reader
	pipe   *os.File
	pixels *os.File
	stderr tail
	limits Limits
	done   chan struct{}
}

// tail keeps the first bytes written to it.
type tail struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if room := stderrBytes - t.b.Len(); room > 0 {
		t.b.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

// String returns what was kept.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.String()
}

// start begins a child over the document.
func start(doc *os.File, l Limits) (*child, error) {
	if !hooked.Load() {
		return nil, internal("start", errors.New("this program does not let render start it as a child"),
			"call render.Child first thing in main or TestMain")
	}
	exe, err := executable()
	if err != nil {
		return nil, internal("start", err, "")
	}
	pixels, err := pixelFile()
	if err != nil {
		return nil, internal("start", err, "see that the system has memory and file descriptors left")
	}
	reqR, reqW, err := os.Pipe()
	if err != nil {
		pixels.Close()
		return nil, internal("start", err, "see that file descriptors are left")
	}
	ansR, ansW, err := os.Pipe()
	if err != nil {
		pixels.Close()
		reqR.Close()
		reqW.Close()
		return nil, internal("start", err, "see that file descriptors are left")
	}
	c := &child{limits: l, to: reqW, pipe: ansR, from: bufio.NewReader(ansR), pixels: pixels, done: make(chan struct{})}
	c.cmd = &exec.Cmd{
		Path: exe, Args: []string{"palimpsest-render", childFlag}, Env: []string{}, Dir: "/",
		ExtraFiles: []*os.File{reqR, ansW, doc, pixels}, Stderr: &c.stderr, SysProcAttr: childAttributes(),
		WaitDelay: childGrace,
	}
	err = c.cmd.Start()
	reqR.Close()
	ansW.Close()
	if err != nil {
		reqW.Close()
		ansR.Close()
		pixels.Close()
		return nil, internal("start", err, "see that processes may be started")
	}
	go func() {
		c.cmd.Wait()
		close(c.done)
	}()
	return c, nil
}

// kill ends the child and waits until it is gone.
func (c *child) kill() {
	c.cmd.Process.Kill()
	<-c.done
	c.to.Close()
	c.pipe.Close()
	c.pixels.Close()
}

// call sends a request and waits for its answer, at most limit. When it returns
// an error the child is dead.
func (c *child) call(ctx context.Context, r request, limit time.Duration, limitName string) (answer, error) {
	type result struct {
		a   answer
		err error
	}
	out := make(chan result, 1)
	go func() {
		var res result
		if res.err = writeFrame(c.to, r); res.err == nil {
			res.err = readFrame(c.from, &res.a)
		}
		out <- res
	}()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	late := false
	var res result
	select {
	case res = <-out:
	case <-ctx.Done():
		c.kill()
		return answer{}, ctx.Err()
	case <-timer.C:
		// This process may itself have been frozen past the deadline, with
		// the answer long there.
		select {
		case res = <-out:
		default:
			late = true
		}
	}
	switch {
	case !late && res.err == nil:
		return res.a, nil
	case !late:
		c.kill()
		return answer{}, c.post(r.Op)
	default:
		c.kill()
		return answer{}, over(r.Op, limitName, int64(limit/time.Second), int64(limit/time.Second),
			"the page or file is too complex: print it to a new PDF, or raise the time limit")
	}
}

// post says why a child died.
func (c *child) post(op string) error {
	said := c.stderr.String()
	state, signal := "without a word", syscall.Signal(0)
	if c.cmd.ProcessState != nil {
		state = c.cmd.ProcessState.String()
		if ws, ok := c.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
			signal = ws.Signal()
		}
	}
	// The system ends a process that is out of processor time with the same
	// signal as others do; Go passes over the one that comes before it.
	most := cpuSeconds(c.limits)
	used := int64(0)
	if c.cmd.ProcessState != nil {
		used = int64((c.cmd.ProcessState.UserTime() + c.cmd.ProcessState.SystemTime() + time.Second/2) / time.Second)
	}
	switch {
	case signal == syscall.SIGKILL && used >= most:
		return over(op, "cpu_time", used, most, "split the document, or raise the time limit")
	case signal == syscall.SIGKILL:
		return internal(op, errors.New("the reader was killed from outside"), "see that the machine has memory left; trying again may help")
	case strings.Contains(said, "out of memory"), strings.Contains(said, "cannot allocate memory"), strings.Contains(said, "failed to reserve"):
		return over(op, limitMemory, c.limits.MemoryBytes, c.limits.MemoryBytes, hintMemory)
	case strings.Contains(said, "SIGSEGV") && peakMemory(c.cmd.ProcessState) >= c.limits.MemoryBytes/2:
		// The runtime falls where the system refuses it a page; code of ours would panic instead.
		return over(op, limitMemory, c.limits.MemoryBytes, c.limits.MemoryBytes, hintMemory)
	case strings.Contains(said, "stack exceeds"), strings.Contains(said, "stack overflow"):
		return bad(op, errors.New("the file is nested too deeply"), "the file is damaged: export or send it again")
	}
	line, _, _ := strings.Cut(said, "\n")
	return bad(op, fmt.Errorf("the reader died (%s) %s", state, clip(line, 200)), "the file is damaged: export or send it again")
}

// page implements pageSource.
func (h *host) page(ctx context.Context, n int) (*Page, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, internal("page", os.ErrClosed, "the document was closed")
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	l := h.open.Limits
	if h.spent >= l.DocumentTime {
		return nil, over("page", "document_time", int64(h.spent/time.Second), int64(l.DocumentTime/time.Second), "split the document, or raise the time limit")
	}
	begin := time.Now()
	defer func() { h.spent += time.Since(begin) }()
	if h.child == nil {
		if err := h.revive(ctx); err != nil {
			return nil, err
		}
	}
	a, err := h.ask(ctx, n)
	if err != nil {
		return nil, err
	}
	switch {
	case a.Error != nil:
		return nil, a.Error.error()
	case a.Page == nil:
		return nil, h.distrust(errors.New("the answer holds no page"))
	}
	if err := a.Page.check(n, l); err != nil {
		return nil, h.distrust(err)
	}
	p := a.Page.unpack()
	p.Image = image.NewRGBA(image.Rect(0, 0, a.Page.Width, a.Page.Height))
	if _, err := h.child.pixels.ReadAt(p.Image.Pix, 0); err != nil {
		return nil, h.distrust(fmt.Errorf("pixels: %w", err))
	}
	return p, nil
}

// ask has the child make a page; a child that lacks PDFium and finds it needs
// it is replaced, once, by one that has it.
func (h *host) ask(ctx context.Context, n int) (answer, error) {
	l := h.open.Limits
	for {
		a, err := h.child.call(ctx, request{Op: "page", Page: n, Leave: h.leave}, min(l.PageTime, l.DocumentTime-h.spent), "page_time")
		if err != nil {
			h.child = nil
			return answer{}, err
		}
		if a.Error == nil || a.Error.Op != opNeedsEngine || h.open.Engine {
			return a, nil
		}
		h.open.Engine = true
		h.child.kill()
		h.child = nil
		if err := h.revive(ctx); err != nil {
			return answer{}, err
		}
	}
}

// distrust drops a child that answered nonsense.
func (h *host) distrust(err error) error {
	h.child.kill()
	h.child = nil
	return internal("page", fmt.Errorf("the reader answered nonsense: %w", err), "report this file")
}

// revive starts a child and opens the document in it.
func (h *host) revive(ctx context.Context) error {
	c, err := start(h.file, h.open.Limits)
	if err != nil {
		return err
	}
	if h.open.Engine {
		if err := c.startEngine(ctx, h.open); err != nil {
			return err
		}
	}
	a, err := c.call(ctx, h.open, h.open.Limits.OpenTime, "open_time")
	if err != nil {
		return err
	}
	if a.Error != nil {
		c.kill()
		if a.Error.Op == opNeedsEngine && !h.open.Engine {
			h.open.Engine = true
			return h.revive(ctx)
		}
		return a.Error.error()
	}
	if a.Info == nil || a.Info.Pages < 1 || a.Info.Pages > h.open.Limits.Pages {
		c.kill()
		return internal("open", errors.New("the reader answered nonsense"), "report this file")
	}
	h.child, h.info = c, *a.Info
	return nil
}

// warm lets one child at a time start PDFium until one has done so: with a cold
// cache each would compile it for itself.
var warm struct {
	sync.Mutex
	caches map[string]bool
}

// startEngine has the child start PDFium. That it cannot is never the fault of
// the document.
func (c *child) startEngine(ctx context.Context, r request) error {
	warm.Lock()
	cold := !warm.caches[r.CacheDir]
	if cold {
		defer warm.Unlock()
	} else {
		warm.Unlock()
	}
	r.Op = "start"
	a, err := c.call(ctx, r, StartTime, "start_time")
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return internal("start", fmt.Errorf("PDFium does not start: %w", err), "see that the machine is not overloaded and that the cache folder can be written")
	case a.Error != nil:
		c.kill()
		return a.Error.error()
	}
	if cold {
		if warm.caches == nil {
			warm.caches = map[string]bool{}
		}
		warm.caches[r.CacheDir] = true
	}
	return nil
}

// Prepare starts PDFium once and lets it go, so that the cache folder holds its
// compiled code before the first document comes.
func Prepare(ctx context.Context, o Options) error {
	f, err := os.Open(os.DevNull)
	if err != nil {
		return internal("start", err, "")
	}
	defer f.Close()
	r, err := o.request()
	if err != nil {
		return err
	}
	if o.InProcess {
		_, err := newMachine(r).engine()
		return err
	}
	c, err := start(f, r.Limits)
	if err != nil {
		return err
	}
	if err := c.startEngine(ctx, r); err != nil {
		return err
	}
	c.kill()
	return nil
}

// close implements pageSource.
func (h *host) close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil
	}
	h.closed = true
	if h.child != nil {
		h.child.kill()
		h.child = nil
	}
	return h.file.Close()
}

// inspectIn asks a child of its own for the second look at a PDF.
func inspectIn(ctx context.Context, doc *os.File, r request) (inspection, error) {
	c, err := start(doc, r.Limits)
	if err != nil {
		return inspection{}, err
	}
	r.Op = "inspect"
	a, err := c.call(ctx, r, r.Limits.InspectTime, "inspect_time")
	if err != nil {
		return inspection{}, err
	}
	c.kill()
	if a.Error != nil {
		return inspection{}, a.Error.error()
	}
	if a.Inspect == nil {
		return inspection{}, internal("inspect", errors.New("the reader answered nonsense"), "")
	}
	a.Inspect.Notes = trimNotes(a.Inspect.Notes)
	a.Inspect.Leave.Forms = a.Inspect.Leave.Forms[:min(len(a.Inspect.Leave.Forms), maxFormsWithout)]
	return *a.Inspect, nil
}
