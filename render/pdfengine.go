package render

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/klippa-app/go-pdfium"
	"github.com/klippa-app/go-pdfium/webassembly"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

// pdfEngine is PDFium compiled for this processor. Every document gets a fresh
// WebAssembly instance of it: they share no memory.
type pdfEngine struct {
	pool   pdfium.Pool
	memory *wasmMemory
}

// maxInstances bounds the documents open at once in one process; a child has
// one, or one for each member of an archive that is being looked at.
const maxInstances = 1000

// engines are kept by settings, so that tests in one process compile once; a
// child makes exactly one.
var engines struct {
	sync.Mutex
	m map[string]*pdfEngine
}

// opNeedsEngine marks the answer of a sealed child that finds it needs PDFium:
// the parent starts another, with PDFium in it.
const opNeedsEngine = "needs_engine"

// needsEngine recognises it.
func needsEngine(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Op == opNeedsEngine
}

// engine starts PDFium, or returns the one already started.
func (m *machine) engine() (*pdfEngine, error) {
	if m.pdfium != nil {
		return m.pdfium, nil
	}
	if !m.mayStart {
		return nil, &Error{Kind: Internal, Op: opNeedsEngine}
	}
	key := fmt.Sprint(m.cacheDir, m.fonts, m.limits.WasmPages)
	engines.Lock()
	defer engines.Unlock()
	if e := engines.m[key]; e != nil {
		m.pdfium = e
		return e, nil
	}
	// A custom configuration must name the exception handling feature, or
	// PDFium's module does not load. Interruption is left to killing the
	// process: the instrumentation for it halves PDFium's speed.
	conf := wazero.NewRuntimeConfig().
		WithCoreFeatures(api.CoreFeaturesV2 | experimental.CoreFeaturesExceptionHandling)
	if m.cacheDir != "" {
		if cache, err := wazero.NewCompilationCacheWithDir(m.cacheDir); err == nil {
			conf = conf.WithCompilationCache(cache)
		}
	}
	mounts := wazero.NewFSConfig() // without this the host's root would be mounted
	if root := fontRoot(m.fonts); root != nil {
		mounts = mounts.WithFSMount(root, "/")
	}
	memory := &wasmMemory{limit: uint64(m.limits.WasmPages) * wasmPageBytes}
	pool, err := webassembly.Init(webassembly.Config{
		Context: experimental.WithMemoryAllocator(context.Background(), memory), MinIdle: 0, MaxIdle: 1, MaxTotal: maxInstances,
		FSConfig: mounts, RuntimeConfig: conf, Stdout: io.Discard, Stderr: io.Discard,
	})
	if err != nil {
		return nil, internal("open", fmt.Errorf("pdfium does not start: %w", err), "see that the program has memory and that its cache folder is sound")
	}
	m.pdfium = &pdfEngine{pool: pool, memory: memory}
	if engines.m == nil {
		engines.m = map[string]*pdfEngine{}
	}
	engines.m[key] = m.pdfium
	return m.pdfium, nil
}

// fontFolders are where PDFium looks for fonts, below its root.
var fontFolders = []string{"usr/share/fonts", "usr/local/share/fonts"}

// fontPrefixes are how the files of the fall-back fonts begin that PDFium asks
// for by name, for scripts its built-in fonts lack. Others are hidden: scanning
// all of a workstation's fonts would take a second, and a page must not look
// different for a font that happens to be installed.
var fontPrefixes = []string{
	"ipag", "ipam", "takao", "vl-gothic", "vl-pgothic", "wqy", "uming", "ukai", "undotum", "unbatang", "ungraphic",
	"gulim", "batang", "nanumgothic", "nanummyeongjo", "notosanscjk", "notoserifcjk", "droidsansfallback",
	"dejavusans.", "dejavusans-bold.", "freesans.", "freeserif.",
}

// Fonts names the fall-back fonts that pages are drawn with, of the first of the
// folders that has any (empty means "/"): "none", or the first twelve digits of
// a SHA-256 over their names and sizes. Pages without fonts of their own look
// different where it differs, so it belongs into a run's fingerprint, beside
// Version, and workers of one queue should agree on it.
func Fonts(roots []string) string {
	f := fontRoot(roots)
	if f == nil {
		return "none"
	}
	names := make([]string, 0, len(f.files))
	for n := range f.files {
		names = append(names, n)
	}
	sort.Strings(names)
	sum := sha256.New()
	for _, n := range names {
		if st, err := f.files[n].Stat(); err == nil {
			fmt.Fprintf(sum, "%s %d\n", n, st.Size())
		}
		f.files[n].Close()
	}
	return hex.EncodeToString(sum.Sum(nil))[:12]
}

// fontRoot returns the fonts of the first folder that has any, or nil.
func fontRoot(roots []string) *fontFS {
	if len(roots) == 0 {
		roots = []string{"/"}
	}
	for _, r := range roots {
		f := &fontFS{files: map[string]*os.File{}, dirs: map[string][]fs.DirEntry{}}
		for _, folder := range fontFolders {
			f.collect(r, folder, 0)
		}
		if len(f.files) > 0 {
			f.link()
			return f
		}
	}
	return nil
}

// Bounds of the search for fonts.
const (
	maxFonts     = 40
	maxFontDepth = 5
)

// fontFS shows the fonts PDFium may want, and the folders on the way to them,
// and nothing else of the host. All files are opened beforehand, because later
// the process may open none.
type fontFS struct {
	files map[string]*os.File
	dirs  map[string][]fs.DirEntry
}

// collect opens the wanted fonts below a folder.
func (f *fontFS) collect(root, folder string, depth int) {
	list, err := os.ReadDir(path.Join(root, folder))
	if err != nil || depth > maxFontDepth {
		return
	}
	for _, e := range list {
		name := path.Join(folder, e.Name())
		switch {
		case e.IsDir():
			f.collect(root, name, depth+1)
		case len(f.files) < maxFonts && wantedFont(e.Name()):
			if file, err := os.Open(path.Join(root, name)); err == nil {
				if st, err := file.Stat(); err == nil && st.Mode().IsRegular() {
					f.files[name] = file
				} else {
					file.Close()
				}
			}
		}
	}
}

// link lists the folders that lead to the fonts.
func (f *fontFS) link() {
	names := make([]string, 0, len(f.files))
	for n := range f.files {
		names = append(names, n)
	}
	sort.Strings(names)
	for _, n := range names {
		st, err := f.files[n].Stat()
		if err != nil {
			continue
		}
		e := fs.FileInfoToDirEntry(renamed{st, path.Base(n)})
		for dir := path.Dir(n); ; dir = path.Dir(dir) {
			if !slices.ContainsFunc(f.dirs[dir], func(o fs.DirEntry) bool { return o.Name() == e.Name() }) {
				f.dirs[dir] = append(f.dirs[dir], e)
			}
			if dir == "." {
				break
			}
			e = fs.FileInfoToDirEntry(folderInfo(path.Base(dir)))
		}
	}
}

// wantedFont reports whether a file is one of the fall-backs.
func wantedFont(base string) bool {
	base = strings.ToLower(base)
	switch path.Ext(base) {
	case ".ttf", ".ttc", ".otf", ".pfb":
	default:
		return false
	}
	for _, p := range fontPrefixes {
		if strings.HasPrefix(base, p) {
			return true
		}
	}
	return false
}

// Open implements fs.FS.
func (f *fontFS) Open(name string) (fs.File, error) {
	if file := f.files[name]; file != nil {
		st, err := file.Stat()
		if err != nil {
			return nil, err
		}
		return &openFont{SectionReader: io.NewSectionReader(file, 0, st.Size()), st: renamed{st, path.Base(name)}}, nil
	}
	if list, ok := f.dirs[name]; ok {
		return &openFolder{name: path.Base(name), list: list}, nil
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// renamed is a file's information under another name: fonts may be links.
type renamed struct {
	fs.FileInfo
	name string
}

// Name implements fs.FileInfo.
func (n renamed) Name() string { return n.name }

// openFont is one reading of a font.
type openFont struct {
	*io.SectionReader
	st fs.FileInfo
}

// Stat implements fs.File.
func (o *openFont) Stat() (fs.FileInfo, error) { return o.st, nil }

// Close implements fs.File.
func (o *openFont) Close() error { return nil }

// folderInfo is the information of a folder of that name.
type folderInfo string

// Name implements fs.FileInfo, as do the others.
func (f folderInfo) Name() string     { return string(f) }
func (folderInfo) Size() int64        { return 0 }
func (folderInfo) Mode() fs.FileMode  { return fs.ModeDir | 0o555 }
func (folderInfo) ModTime() time.Time { return time.Time{} }
func (folderInfo) IsDir() bool        { return true }
func (folderInfo) Sys() any           { return nil }

// openFolder is one listing of a folder.
type openFolder struct {
	name string
	list []fs.DirEntry
	at   int
}

// Stat implements fs.File, as do the others.
func (o *openFolder) Stat() (fs.FileInfo, error) { return folderInfo(o.name), nil }
func (o *openFolder) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: o.name, Err: fs.ErrInvalid}
}
func (o *openFolder) Close() error { return nil }

// ReadDir implements fs.ReadDirFile.
func (o *openFolder) ReadDir(n int) ([]fs.DirEntry, error) {
	left := o.list[o.at:]
	if n > 0 && len(left) == 0 {
		return nil, io.EOF
	}
	if n > 0 {
		left = left[:min(n, len(left))]
	}
	o.at += len(left)
	return left, nil
}
