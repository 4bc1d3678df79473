// metrics-server's packages, put together for nodes of kind.
//
// Its own command line brings an OpenAPI description that only compiles against its own release of
// the Kubernetes libraries, and those libraries once more would add minutes to a build. The
// description of the Kubernetes release that the cluster runs has the same types.
package main

import (
	"fmt"
	"net"
	"os"
	"time"

	corev1 "k8s.io/api/core/v1"
	openapinamer "k8s.io/apiserver/pkg/endpoints/openapi"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/apiserver/pkg/server/options"
	"k8s.io/apiserver/pkg/util/compatibility"
	"k8s.io/client-go/rest"
	"k8s.io/kubernetes/pkg/generated/openapi"

	"sigs.k8s.io/metrics-server/pkg/api"
	"sigs.k8s.io/metrics-server/pkg/scraper/client"
	"sigs.k8s.io/metrics-server/pkg/server"
)

const (
	resolution    = 10 * time.Second
	scrapeTimeout = 5 * time.Second // has to be below the resolution
	port          = 10250
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "metrics-server:", err)
		os.Exit(1)
	}
}

func run() error {
	cluster, err := rest.InClusterConfig()
	if err != nil {
		return err
	}
	apiserver, err := apiserverConfig()
	if err != nil {
		return err
	}
	config := server.Config{
		Apiserver:        apiserver,
		Rest:             cluster,
		Kubelet:          kubeletConfig(cluster),
		MetricResolution: resolution,
		ScrapeTimeout:    scrapeTimeout,
	}
	completed, err := config.Complete()
	if err != nil {
		return err
	}
	return completed.RunUntil(genericapiserver.SetupSignalHandler())
}

// kubeletConfig trusts the kubelets' self-signed certificates: kind's nodes have no others.
func kubeletConfig(cluster *rest.Config) *client.KubeletClientConfig {
	config := &client.KubeletClientConfig{
		Scheme:              "https",
		DefaultPort:         port,
		AddressTypePriority: []corev1.NodeAddressType{corev1.NodeInternalIP},
		UseNodeStatusPort:   true,
		Client:              *rest.CopyConfig(cluster),
	}
	config.Client.TLSClientConfig = rest.TLSClientConfig{Insecure: true}
	return config
}

func apiserverConfig() (*genericapiserver.Config, error) {
	serving := options.NewSecureServingOptions().WithLoopback()
	serving.BindPort = port
	serving.ServerCert.CertDirectory = "/tmp"
	loopback := []net.IP{net.ParseIP("127.0.0.1")}
	if err := serving.MaybeDefaultWithSelfSignedCerts("localhost", nil, loopback); err != nil {
		return nil, err
	}
	config := genericapiserver.NewConfig(api.Codecs)
	if err := serving.ApplyTo(&config.SecureServing, &config.LoopbackClientConfig); err != nil {
		return nil, err
	}
	authentication := options.NewDelegatingAuthenticationOptions()
	if err := authentication.ApplyTo(&config.Authentication, config.SecureServing, nil); err != nil {
		return nil, err
	}
	authorization := options.NewDelegatingAuthorizationOptions()
	if err := authorization.ApplyTo(&config.Authorization); err != nil {
		return nil, err
	}
	names := openapinamer.NewDefinitionNamer(api.Scheme)
	config.OpenAPIConfig = genericapiserver.DefaultOpenAPIConfig(openapi.GetOpenAPIDefinitions, names)
	config.OpenAPIV3Config = genericapiserver.DefaultOpenAPIV3Config(openapi.GetOpenAPIDefinitions, names)
	config.OpenAPIConfig.Info.Title = "Kubernetes metrics-server"
	config.OpenAPIV3Config.Info.Title = "Kubernetes metrics-server"
	config.EffectiveVersion = compatibility.DefaultBuildEffectiveVersion()
	return config, nil
}
