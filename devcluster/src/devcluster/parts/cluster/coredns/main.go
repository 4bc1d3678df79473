// The cluster's DNS server: CoreDNS with only the plugins that its Corefile uses.
// The full program links every cloud provider's SDK, which takes minutes to build.
package main

import (
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/coremain"

	_ "github.com/coredns/coredns/plugin/cache"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/forward"
	_ "github.com/coredns/coredns/plugin/health"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	_ "github.com/coredns/coredns/plugin/loadbalance"
	_ "github.com/coredns/coredns/plugin/loop"
	_ "github.com/coredns/coredns/plugin/metrics"
	_ "github.com/coredns/coredns/plugin/ready"
	_ "github.com/coredns/coredns/plugin/reload"
)

func main() {
	// The order is the order of the chain, as in CoreDNS's own plugin.cfg.
	dnsserver.Directives = []string{
		"reload", "errors", "health", "ready", "prometheus", "loadbalance", "cache", "loop",
		"kubernetes", "forward",
	}
	coremain.Run()
}
