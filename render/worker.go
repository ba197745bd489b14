package render

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"sync/atomic"
)

// childFlag is the whole argument list of a child.
const childFlag = "palimpsest-render-child"

// The files a child is born with, after the three usual ones.
const (
	fdRequests = 3 + iota
	fdAnswers
	fdDocument
	fdPixels
)

// hooked says that this program lets render start it as a child.
var hooked atomic.Bool

// Child reports whether this process was started by Open to parse a file. The
// first thing main, or a TestMain, does is:
//
//	if render.Child() {
//		os.Exit(render.RunChild())
//	}
func Child() bool {
	hooked.Store(true)
	return len(os.Args) == 2 && os.Args[1] == childFlag
}

// RunChild serves one document to the parent over the inherited pipes and
// returns the exit code.
func RunChild() int {
	requests := os.NewFile(fdRequests, "requests")
	answers := os.NewFile(fdAnswers, "answers")
	document := os.NewFile(fdDocument, "document")
	pixels := os.NewFile(fdPixels, "pixels")
	if requests == nil || answers == nil || document == nil || pixels == nil {
		return 2
	}
	debug.SetTraceback("none") // a dump of goroutines helps nobody and may hold page contents
	in := bufio.NewReader(requests)
	var first request
	if err := readFrame(in, &first); err != nil {
		return 2
	}
	if err := confine(first.Limits); err != nil && !first.Unsealed {
		writeFrame(answers, answer{Error: toWire(unsealed(err))})
		return 2
	}
	w := &worker{document: document, pixels: pixels, answers: answers}
	next := requestsOf(in)
	if err := w.answer(&first); err != nil {
		return 2
	}
	for r := range next {
		if err := w.answer(&r); err != nil {
			return 2
		}
	}
	return 0
}

// requestsOf reads requests ahead in its own goroutine: when the parent is
// gone, the pipe ends, and so does the process, whatever it is doing.
func requestsOf(in io.Reader) <-chan request {
	out := make(chan request)
	go func() {
		for {
			var r request
			if err := readFrame(in, &r); err != nil {
				os.Exit(0)
			}
			out <- r
		}
	}()
	return out
}

// worker is the child's side of the conversation.
type worker struct {
	document, pixels, answers *os.File
	m                         *machine
	r                         reader
	blob                      blob
}

// answer does what one request asks and sends the result; its own error is
// that of the pipe.
func (w *worker) answer(r *request) (err error) {
	var a answer
	func() {
		defer func() {
			if v := recover(); v != nil {
				a = answer{Error: toWire(bad(r.Op, fmt.Errorf("the reader gave up: %v", v), "the file is damaged: export or send it again"))}
			}
		}()
		a = w.do(r)
	}()
	return writeFrame(w.answers, a)
}

// do dispatches.
func (w *worker) do(r *request) answer {
	switch r.Op {
	case "start":
		// PDFium's code and fonts come from files: before the seal.
		w.m = newMachine(*r)
		if _, err := w.m.engine(); err != nil {
			return answer{Error: toWire(err)}
		}
		return answer{}
	case "open":
		if w.m == nil {
			w.m = newMachine(*r)
		}
		w.m.mayStart = false
		if err := seal(); err != nil && !r.Unsealed {
			return answer{Error: toWire(unsealed(err))}
		}
		w.blob = blob{w.document, r.Size}
		rd, inf, err := w.m.open(w.blob, new(archive))
		if err != nil {
			return answer{Error: toWire(err)}
		}
		w.r = rd
		return answer{Info: &inf}
	case "inspect":
		pdfcpuConfig("", r.Limits)
		if err := seal(); err != nil && !r.Unsealed {
			return answer{Error: toWire(unsealed(err))}
		}
		out, err := inspect(blob{w.document, r.Size}, r.Password, r.Limits.withDefaults())
		if err != nil {
			return answer{Error: toWire(bad("inspect", err, ""))}
		}
		out.Notes = trimNotes(out.Notes)
		return answer{Inspect: &out}
	case "page":
		if w.m != nil {
			w.m.leave = r.Leave
		}
		return w.page(r.Page)
	}
	return answer{Error: toWire(internal(r.Op, errors.New("the request is unknown"), ""))}
}

// page makes a page and writes its pixels.
func (w *worker) page(n int) answer {
	if w.r == nil {
		return answer{Error: toWire(internal("page", errors.New("no document is open"), ""))}
	}
	p, err := w.m.page(w.r, n)
	if err != nil {
		return answer{Error: toWire(err)}
	}
	row := 4 * p.Image.Rect.Dx()
	if p.Image.Stride == row {
		_, err = w.pixels.WriteAt(p.Image.Pix[:row*p.Image.Rect.Dy()], 0)
	} else {
		for y := 0; y < p.Image.Rect.Dy() && err == nil; y++ {
			_, err = w.pixels.WriteAt(p.Image.Pix[y*p.Image.Stride:y*p.Image.Stride+row], int64(y*row))
		}
	}
	if err != nil {
		return answer{Error: toWire(internal("page", err, "see that the system has memory"))}
	}
	return answer{Page: pack(p)}
}

// unsealed says that the system does not let this process be shut in. Nothing is
// parsed then: what a hostile file may do would be bounded by hope.
func unsealed(err error) *Error {
	return internal("seal", fmt.Errorf("the process that parses files cannot be sealed off: %w", err),
		"run on Linux with seccomp (in a container, allow seccomp, no_new_privs and setrlimit), or set PALIMPSEST_UNSEALED=1 to parse without the seal files that you trust")
}

// newMachine takes the settings of a request.
func newMachine(r request) *machine {
	return &machine{mayStart: true, limits: r.Limits.withDefaults(), password: r.Password, dpi: r.DPI, rotate: r.Rotate, cacheDir: r.CacheDir, fonts: r.Fonts, patient: r.Patient}
}
