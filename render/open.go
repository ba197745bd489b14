package render

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// Open looks at a file and counts its pages. The file stays open until Close.
// Errors are *Error, or the context's.
func Open(ctx context.Context, path string, o Options) (*Document, error) {
	name := o.Name
	if name == "" {
		name = filepath.Base(path)
	}
	d, err := open(ctx, path, o)
	if err != nil {
		return nil, named(err, name, 0)
	}
	d.name = name
	return d, nil
}

// open is Open without the file's name in its errors.
func open(ctx context.Context, path string, o Options) (*Document, error) {
	r, err := o.request()
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return nil, bad("open", err, "see that the file is there and readable")
	}
	if err != nil {
		return nil, internal("open", err, "see that the file is there and readable")
	}
	d, err := openFile(ctx, f, r, o.InProcess)
	if err != nil {
		f.Close()
		return nil, err
	}
	return d, nil
}

// request turns options into what a child is told.
func (o Options) request() (request, error) {
	r := request{
		Op: "open", Limits: o.Limits.withDefaults(), Password: o.Password, DPI: o.DPI, Rotate: !o.NoRotation, Fonts: o.FontRoots, Patient: o.Patient, Unsealed: o.Unsealed,
	}
	set(&r.DPI, DefaultDPI)
	if o.CacheDir != "" {
		abs, err := filepath.Abs(o.CacheDir)
		if err != nil {
			return r, internal("open", err, "give the cache folder as a full path")
		}
		r.CacheDir = abs
	}
	return r, nil
}

// openFile checks the file from outside and opens it in a child or here.
func openFile(ctx context.Context, f *os.File, r request, inProcess bool) (*Document, error) {
	st, err := f.Stat()
	if err != nil {
		return nil, internal("open", err, "")
	}
	if !st.Mode().IsRegular() {
		return nil, bad("open", fmt.Errorf("it is not a regular file"), "send a file")
	}
	if r.Size = st.Size(); r.Size > r.Limits.FileBytes {
		return nil, over("open", "file_bytes", r.Size, r.Limits.FileBytes, "split the file")
	}
	// The sniffer is bounds checks over fixed signatures: it may run here, and
	// saves a process for what is not read anyway.
	head := make([]byte, min(r.Size, sniffBytes))
	if n, err := f.ReadAt(head, 0); n < len(head) {
		return nil, internal("open", err, "see that the file is readable")
	}
	format, err := sniff(head)
	if err != nil {
		return nil, err
	}
	if inProcess {
		return openHere(f, r, format)
	}
	r.Engine = format == formatPDF || format == formatJP2 || format == formatJBIG2
	h := &host{file: f, open: r}
	var second inspection
	var wg sync.WaitGroup
	if format == formatPDF {
		wg.Go(func() { second = looked(inspectIn(ctx, f, r)) })
	}
	err = h.revive(ctx)
	wg.Wait()
	if err != nil {
		return nil, err
	}
	d := &Document{limits: r.Limits, info: h.info, src: h}
	if err := d.info.sound(); err != nil {
		h.child.kill()
		return nil, err
	}
	if format == formatPDF {
		h.leave = second.Leave
		d.info.merge(second)
	}
	return d, nil
}

// looked makes a failed second look a note: nothing is lost of the pages, but
// what the document would have done is not known.
func looked(s inspection, err error) inspection {
	if err == nil {
		return s
	}
	why := err.Error()
	var e *Error
	if errors.As(err, &e) && e.Err != nil {
		why = e.Err.Error()
	} else if e != nil && e.Limit != "" {
		why = e.Limit
	}
	return inspection{Notes: []Note{{Kind: "unlisted", Text: "actions and attachments could not be listed (none is acted on): " + why}}}
}

// sound checks and trims what a child said of a file.
func (i *info) sound() error {
	if i.MediaType != mediaTypes[i.Format] || i.MediaType == "" {
		return internal("open", fmt.Errorf("the reader answered nonsense"), "report this file")
	}
	i.Notes = trimNotes(i.Notes)
	return nil
}

// inProcess lets one document at a time be parsed in this process: PDFium's
// binding keeps tables that its instances share without a lock. A child has one
// instance and needs none.
var inProcess sync.Mutex

// openHere parses in this process, for tests and fuzzing.
func openHere(f *os.File, r request, format string) (*Document, error) {
	inProcess.Lock()
	defer inProcess.Unlock()
	m := newMachine(r)
	b := blob{f, r.Size}
	rd, inf, err := m.open(b, new(archive))
	if err != nil {
		return nil, err
	}
	if format == formatPDF {
		second := looked(inspect(b, r.Password, r.Limits))
		m.leave = second.Leave
		inf.merge(second)
	}
	return &Document{limits: r.Limits, info: inf, src: &here{m: m, r: rd, file: f}}, nil
}

// here is a pageSource in this process.
type here struct {
	m    *machine
	r    reader
	file io.Closer
}

func (h *here) page(ctx context.Context, n int) (p *Page, err error) {
	inProcess.Lock()
	defer inProcess.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	defer recovered(&err)
	return h.m.page(h.r, n)
}

func (h *here) close() error {
	inProcess.Lock()
	defer inProcess.Unlock()
	h.r.close()
	return h.file.Close()
}
