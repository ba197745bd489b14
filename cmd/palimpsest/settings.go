package main

import (
	"fmt"
	"os"
	"path/filepath"

	"palimpsest.dev/engine/weights"
	"palimpsest.dev/render"
)

// dataFlags says where state lies that must survive.
type dataFlags struct {
	Data string `help:"State folder: private Postgres, objects, caches." env:"PALIMPSEST_DATA" placeholder:"DIR"`
}

// dir returns the state folder, absolute.
func (f dataFlags) dir() (string, error) {
	dir := f.Data
	if dir == "" {
		if os.Geteuid() == 0 {
			// Not under /root: Postgres runs as another user, who must be able to reach its folder.
			return "/var/lib/palimpsest", nil
		}
		if dir = os.Getenv("XDG_DATA_HOME"); dir == "" {
			home, err := os.UserHomeDir()
			if err != nil {
				return "", fmt.Errorf("no state folder: %w; name one with --data or PALIMPSEST_DATA", err)
			}
			dir = filepath.Join(home, ".local", "share")
		}
		dir = filepath.Join(dir, "palimpsest")
	}
	return filepath.Abs(dir)
}

// storeFlags says where rows and bytes are kept.
type storeFlags struct {
	Database    string `help:"Postgres to use. Empty: a private one (up, demo, bench)." env:"DATABASE_URL" placeholder:"URL"`
	S3Endpoint  string `name:"s3-endpoint" help:"S3 server, host:port or URL. Empty: one over a folder (up, demo, bench)." env:"PALIMPSEST_S3_ENDPOINT" placeholder:"URL"`
	S3AccessKey string `name:"s3-access-key" help:"S3 access key." env:"PALIMPSEST_S3_ACCESS_KEY" placeholder:"KEY"`
	S3SecretKey string `name:"s3-secret-key" help:"S3 secret key; better given by the environment." env:"PALIMPSEST_S3_SECRET_KEY" placeholder:"KEY"`
	S3Bucket    string `name:"s3-bucket" help:"S3 bucket." env:"PALIMPSEST_S3_BUCKET" default:"palimpsest"`
	S3Region    string `name:"s3-region" help:"S3 region." env:"PALIMPSEST_S3_REGION" default:"us-east-1"`
}

// modelFlags says which model reads, with which plugins.
type modelFlags struct {
	Model      string `help:"Model folder. Empty: models/mini beside the program or in the working tree." env:"PALIMPSEST_MODEL" placeholder:"DIR"`
	Plugins    string `help:"Folder of the plugin programs. Empty: beside the program." env:"PALIMPSEST_PLUGINS" placeholder:"DIR"`
	Threads    int    `help:"Threads of the model. 0: all cores." env:"PALIMPSEST_THREADS" default:"0"`
	Arithmetic string `help:"Arithmetic of the model: ${enum}." enum:"float32,bfloat16" default:"float32"`
}

// defaultModel is the folder of the small model that comes with the program.
var defaultModel = filepath.Join("models", "mini")

// modelDir finds the model's folder.
func (f modelFlags) modelDir() (string, error) {
	if f.Model != "" {
		dir := weights.Folder(f.Model) // a packed file may be named too
		if !exists(filepath.Join(dir, "config.json")) {
			return "", usagef("model folder %s has no config.json: name a folder as Hugging Face publishes it, or one that `models pack` wrote, with --model", dir)
		}
		return filepath.Abs(dir)
	}
	return findBeside(defaultModel, "config.json", "model folder", "--model or PALIMPSEST_MODEL")
}

// pluginDir finds the folder of the plugin programs.
func (f modelFlags) pluginDir() (string, error) {
	if f.Plugins != "" {
		if _, err := os.Stat(f.Plugins); err != nil {
			return "", usagef("plugin folder: %v: name the folder that holds palimpsest-task-ocr with --plugins", err)
		}
		return filepath.Abs(f.Plugins)
	}
	if exe, err := os.Executable(); err == nil && exists(filepath.Join(filepath.Dir(exe), "palimpsest-task-ocr")) {
		return filepath.Dir(exe), nil
	}
	return findBeside("bin", "palimpsest-task-ocr", "plugin folder", "--plugins or PALIMPSEST_PLUGINS")
}

// findBeside looks for the folder dir, recognised by the file in it, beside the
// program, one above it, and in the working folder and those around it.
func findBeside(dir, file, what, setting string) (string, error) {
	var around []string
	if exe, err := os.Executable(); err == nil {
		around = append(around, filepath.Dir(exe), filepath.Dir(filepath.Dir(exe)))
	}
	if wd, err := os.Getwd(); err == nil {
		const levels = 4
		for range levels {
			around = append(around, wd)
			wd = filepath.Dir(wd)
		}
	}
	for _, a := range around {
		if exists(filepath.Join(a, dir, file)) {
			return filepath.Join(a, dir), nil
		}
	}
	return "", fmt.Errorf("no %s: %s was looked for beside the program and around the working folder; name it with %s",
		what, filepath.Join(dir, file), setting)
}

// cacheDir is where compiled code of the renderer is kept; empty when there is
// no place for it, which costs seconds per file.
func cacheDir() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "palimpsest", "render")
}

// unsealed says that files are to be parsed even where the system cannot shut
// in the process that does so.
func unsealed() bool { return os.Getenv("PALIMPSEST_UNSEALED") == "1" }

// renderOptions are what every file is opened with.
func renderOptions() render.Options {
	return render.Options{CacheDir: cacheDir(), Unsealed: unsealed()}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
