// Command coredns is CoreDNS with the plug-ins that a node's Corefile names (tests/src/cluster/node/files.rs), and no others: all of them
// would bring in what clouds publish for Go, and minutes of compiling it.
package main

import (
	"github.com/coredns/coredns/coremain"
	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	_ "github.com/coredns/coredns/plugin/ready"
	_ "github.com/coredns/coredns/plugin/template"
)

func main() {
	coremain.Run()
}
