package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"palimpsest.dev/engine/kernel"
	"palimpsest.dev/render"
)

// versionCmd prints what this program is made of.
type versionCmd struct {
	JSON bool `help:"Print one JSON object."`
}

// Run prints the versions.
func (c *versionCmd) Run(s *session) error {
	v := versions()
	if c.JSON {
		return json.NewEncoder(s.stdout).Encode(v)
	}
	fmt.Fprintf(s.stdout, "palimpsest %s\nrenderer   %s\nkernels    %s\ngo         %s %s/%s\n",
		v.Program, v.Renderer, v.Kernel, v.Go, runtime.GOOS, runtime.GOARCH)
	return nil
}

type versionLine struct {
	Program  string `json:"program"`
	Renderer string `json:"renderer"`
	Kernel   string `json:"kernel"`
	Go       string `json:"go"`
}

func versions() versionLine {
	v := versionLine{Program: "unknown", Renderer: render.Version(), Kernel: kernel.Name(), Go: runtime.Version()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	v.Program = info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 && v.Program == "(devel)" {
			v.Program = "(devel " + s.Value[:12] + ")"
		}
	}
	return v
}
