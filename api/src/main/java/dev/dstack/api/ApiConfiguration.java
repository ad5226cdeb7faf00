package dev.dstack.api;

import dev.dstack.api.auth.Access;
import dev.dstack.api.auth.Remembered;
import dev.dstack.api.backend.BackendController;
import dev.dstack.api.backend.BackendRemoval;
import dev.dstack.api.backend.BackendTypes;
import dev.dstack.api.bootstrap.Bootstrap;
import dev.dstack.api.cost.CostController;
import dev.dstack.api.dispatch.RunDispatcher;
import dev.dstack.api.dispatch.TemporalDispatcher;
import dev.dstack.api.event.EventController;
import dev.dstack.api.file.FileController;
import dev.dstack.api.fleet.FleetController;
import dev.dstack.api.fleet.FleetSeeds;
import dev.dstack.api.fleet.FleetService;
import dev.dstack.api.fleet.Fleetyard;
import dev.dstack.api.gateway.GatewayController;
import dev.dstack.api.gpu.GpuController;
import dev.dstack.api.instance.InstanceController;
import dev.dstack.api.log.LogController;
import dev.dstack.api.log.LogReader;
import dev.dstack.api.metrics.MetricsController;
import dev.dstack.api.metrics.PrometheusController;
import dev.dstack.api.metrics.PrometheusPage;
import dev.dstack.api.metrics.PrometheusSettings;
import dev.dstack.api.openapi.OpenApi;
import dev.dstack.api.page.ApiDocs;
import dev.dstack.api.page.FrontPage;
import dev.dstack.api.page.PageController;
import dev.dstack.api.page.Parts;
import dev.dstack.api.project.ProjectController;
import dev.dstack.api.project.ProjectMapper;
import dev.dstack.api.repo.RepoController;
import dev.dstack.api.run.RunController;
import dev.dstack.api.run.RunService;
import dev.dstack.api.secret.SecretController;
import dev.dstack.api.server.ServerController;
import dev.dstack.api.user.UserController;
import dev.dstack.api.user.UserMapper;
import dev.dstack.api.volume.JobVolumes;
import dev.dstack.api.volume.VolumeController;
import dev.dstack.api.web.AnswerHandler;
import dev.dstack.api.web.BodyReader;
import dev.dstack.api.web.ErrorResolver;
import dev.dstack.api.web.Now;
import dev.dstack.api.web.TomcatFactory;
import dev.dstack.api.web.Uploads;
import dev.dstack.api.web.Visible;
import dev.dstack.api.why.Explainer;
import dev.dstack.api.why.LiveQuestions;
import dev.dstack.api.why.WhyController;
import dev.dstack.db.Database;
import dev.dstack.db.catalog.CatalogStore;
import dev.dstack.db.crypto.Encryption;
import dev.dstack.db.metrics.HostChecks;
import dev.dstack.db.metrics.JobSamples;
import dev.dstack.db.metrics.MetricsReader;
import dev.dstack.db.records.BackendStore;
import dev.dstack.db.records.FileStore;
import dev.dstack.db.records.Fleets;
import dev.dstack.db.records.ProjectStore;
import dev.dstack.db.records.PublicKeyStore;
import dev.dstack.db.records.RepoStore;
import dev.dstack.db.records.RunLookups;
import dev.dstack.db.records.RunOutbox;
import dev.dstack.db.records.RunSubmissions;
import dev.dstack.db.records.SecretStore;
import dev.dstack.db.records.UserStore;
import dev.dstack.db.records.Volumes;
import dev.dstack.db.views.CostReader;
import dev.dstack.db.views.EventReader;
import dev.dstack.db.views.FleetReader;
import dev.dstack.db.views.InstanceReader;
import dev.dstack.db.views.OfferReader;
import dev.dstack.db.views.RunReader;
import dev.dstack.db.views.VolumeReader;
import io.prometheus.client.CollectorRegistry;
import io.temporal.client.WorkflowClient;
import jakarta.servlet.MultipartConfigElement;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.tomcat.servlet.TomcatServletWebServerFactory;
import org.springframework.boot.web.servlet.ServletRegistrationBean;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.web.context.WebApplicationContext;
import org.springframework.web.method.support.HandlerMethodArgumentResolver;
import org.springframework.web.multipart.support.StandardServletMultipartResolver;
import org.springframework.web.servlet.DispatcherServlet;
import org.springframework.web.servlet.HandlerExceptionResolver;
import org.springframework.web.servlet.config.annotation.InterceptorRegistry;
import org.springframework.web.servlet.config.annotation.ResourceHandlerRegistry;
import org.springframework.web.servlet.config.annotation.WebMvcConfigurationSupport;
import org.springframework.web.servlet.mvc.method.annotation.RequestMappingHandlerAdapter;
import org.springframework.web.servlet.mvc.method.annotation.RequestMappingHandlerMapping;

/**
 * The HTTP server. A composition root imports this class into an application of type SERVLET,
 * without any auto-configuration, and adds these beans: {@link ApiSettings}, {@link Database} (of
 * role API), {@link Encryption}, {@link WorkflowClient}, {@link LogReader}, {@link BackendTypes}
 * and {@link InstantSource}. The dispatcher runs as soon as the context does.
 */
@Configuration(proxyBeanMethods = false)
public class ApiConfiguration extends WebMvcConfigurationSupport {
  private static final Duration LOGIN_REMEMBERED = Duration.ofSeconds(3);
  private static final Duration FLEETS_REMEMBERED = Duration.ofSeconds(1);

  private final ObjectProvider<Access> access;

  public ApiConfiguration(ObjectProvider<Access> access) {
    this.access = access;
  }

  // Static: this class must not be made before there is a servlet context, which needs the server.
  @Bean
  static TomcatServletWebServerFactory webServer(ApiSettings settings) {
    return TomcatFactory.create(settings.host(), settings.port());
  }

  @Bean
  ServletRegistrationBean<DispatcherServlet> dispatcherServlet(WebApplicationContext context) {
    DispatcherServlet servlet = new DispatcherServlet(context);
    ServletRegistrationBean<DispatcherServlet> registration =
        new ServletRegistrationBean<>(servlet, "/");
    registration.setName("api");
    registration.setLoadOnStartup(1);
    registration.setMultipartConfig(
        new MultipartConfigElement(
            "", TomcatFactory.UPLOAD_CEILING_BYTES, TomcatFactory.UPLOAD_CEILING_BYTES, 1 << 20));
    return registration;
  }

  @Bean(DispatcherServlet.MULTIPART_RESOLVER_BEAN_NAME)
  StandardServletMultipartResolver uploadResolver() {
    StandardServletMultipartResolver resolver = new StandardServletMultipartResolver();
    // Only the endpoints that take a file look into it, after the caller is known.
    resolver.setResolveLazily(true);
    resolver.setStrictServletCompliance(true);
    return resolver;
  }

  @Override
  protected void addInterceptors(InterceptorRegistry registry) {
    registry.addInterceptor(access.getObject());
  }

  @Override
  protected void addArgumentResolvers(List<HandlerMethodArgumentResolver> resolvers) {
    resolvers.add(new BodyReader());
    resolvers.add(access.getObject());
  }

  @Override
  protected void addResourceHandlers(ResourceHandlerRegistry registry) {
    registry
        .addResourceHandler(ApiDocs.ASSETS + "**")
        .addResourceLocations(ApiDocs.CLASSPATH)
        .setCachePeriod(86_400);
  }

  @Override
  protected void configureHandlerExceptionResolvers(List<HandlerExceptionResolver> resolvers) {
    resolvers.add(new ErrorResolver());
  }

  @Override
  protected RequestMappingHandlerAdapter createRequestMappingHandlerAdapter() {
    return new RequestMappingHandlerAdapter() {
      @Override
      public void afterPropertiesSet() {
        super.afterPropertiesSet();
        setReturnValueHandlers(List.of(new AnswerHandler()));
      }
    };
  }

  @Bean
  Now now(InstantSource clock) {
    return new Now(clock);
  }

  @Bean
  UserStore userStore(Database database, Encryption encryption) {
    return new UserStore(database, encryption);
  }

  @Bean
  PublicKeyStore publicKeyStore(Database database) {
    return new PublicKeyStore(database);
  }

  @Bean
  ProjectStore projectStore(Database database, Encryption encryption) {
    return new ProjectStore(database, encryption);
  }

  @Bean
  BackendStore backendStore(Database database, Encryption encryption) {
    return new BackendStore(database, encryption);
  }

  @Bean
  RepoStore repoStore(Database database, Encryption encryption) {
    return new RepoStore(database, encryption);
  }

  @Bean
  FileStore fileStore(Database database) {
    return new FileStore(database);
  }

  @Bean
  SecretStore secretStore(Database database, Encryption encryption) {
    return new SecretStore(database, encryption);
  }

  @Bean
  RunSubmissions runSubmissions(Database database, Encryption encryption, InstantSource clock) {
    return new RunSubmissions(database, encryption, clock);
  }

  @Bean
  RunOutbox runOutbox(Database database, InstantSource clock) {
    return new RunOutbox(database, clock);
  }

  @Bean
  RunLookups runLookups(Database database, Encryption encryption) {
    return new RunLookups(database, encryption);
  }

  @Bean
  Fleets fleetWishes(Database database, Encryption encryption, InstantSource clock) {
    return new Fleets(database, encryption, clock);
  }

  @Bean
  Volumes volumeWishes(Database database, InstantSource clock) {
    return new Volumes(database, clock);
  }

  @Bean
  VolumeReader volumeReader(Database database) {
    return new VolumeReader(database);
  }

  @Bean
  RunReader runReader(Database database) {
    return new RunReader(database);
  }

  @Bean
  FleetReader fleetReader(Database database) {
    return new FleetReader(database);
  }

  @Bean
  InstanceReader instanceReader(Database database) {
    return new InstanceReader(database);
  }

  @Bean
  EventReader eventReader(Database database) {
    return new EventReader(database);
  }

  @Bean
  Access.Logins logins(UserStore users) {
    return new Access.Logins(users, new Remembered<>(LOGIN_REMEMBERED, 10_000, System::nanoTime));
  }

  @Bean
  Access accessControl(Access.Logins logins, ProjectStore projects, ApiSettings settings) {
    return new Access(logins, projects, settings.permissions());
  }

  @Bean
  Visible visible(ProjectStore projects) {
    return new Visible(projects);
  }

  @Bean
  Uploads uploads(ApiSettings settings) {
    return new Uploads(settings.limits().uploadBytes());
  }

  @Bean
  Fleetyard fleetyard(FleetReader fleets, Database database) {
    return new Fleetyard(
        fleets,
        new OfferReader(database),
        new Remembered<>(FLEETS_REMEMBERED, 1_000, System::nanoTime));
  }

  @Bean(initMethod = "start", destroyMethod = "close")
  TemporalDispatcher dispatcher(
      WorkflowClient client, RunOutbox runs, Fleets fleets, Volumes volumes) {
    return new TemporalDispatcher(client, runs, fleets, volumes, System::nanoTime);
  }

  @Bean
  FleetSeeds fleetSeeds(
      BackendStore backends, FleetReader fleets, Fleets wishes, RunDispatcher dispatcher) {
    return new FleetSeeds(backends, fleets, wishes, dispatcher);
  }

  @Bean
  BackendRemoval backendRemoval(Database database) {
    return new BackendRemoval(database);
  }

  @Bean
  Bootstrap bootstrap(
      Database database,
      UserStore users,
      ProjectStore projects,
      BackendStore backends,
      FleetSeeds fleets,
      BackendRemoval removal,
      Now now) {
    return new Bootstrap(database, users, projects, backends, fleets, removal, now);
  }

  @Bean
  RunService runService(
      RunSubmissions submissions,
      RunReader reader,
      RunLookups lookups,
      Fleetyard fleets,
      VolumeReader volumes,
      FileStore files,
      RepoStore repos,
      RunDispatcher dispatcher,
      ApiSettings settings,
      Now now) {
    return new RunService(
        submissions,
        reader,
        lookups,
        fleets,
        new JobVolumes(volumes),
        files,
        repos,
        dispatcher,
        new RunService.Caches(System::nanoTime),
        settings.containers(),
        now);
  }

  @Bean
  UserMapper userMapper(ApiSettings settings) {
    return new UserMapper(settings.permissions());
  }

  @Bean
  ProjectMapper projectMapper(UserMapper users, ApiSettings settings) {
    return new ProjectMapper(users, settings.permissions());
  }

  @Bean
  ServerController serverController() {
    return new ServerController();
  }

  @Bean
  UserController userController(
      UserStore users,
      PublicKeyStore publicKeys,
      UserMapper mapper,
      Access.Logins logins,
      Now now) {
    return new UserController(users, publicKeys, mapper, logins, now);
  }

  @Bean
  ProjectController projectController(
      ProjectStore projects,
      UserStore users,
      BackendStore backends,
      ProjectMapper mapper,
      UserMapper userMapper,
      ApiSettings settings,
      Now now) {
    return new ProjectController(
        projects, users, backends, mapper, userMapper, settings.limits(), now);
  }

  @Bean
  BackendController backendController(
      BackendStore backends,
      BackendTypes types,
      FleetSeeds fleets,
      BackendRemoval removal,
      Now now) {
    return new BackendController(backends, types, fleets, removal, now);
  }

  @Bean
  RepoController repoController(RepoStore repos, Uploads uploads, Now now) {
    return new RepoController(repos, uploads, now);
  }

  @Bean
  FileController fileController(FileStore files, Uploads uploads, Now now) {
    return new FileController(files, uploads, now);
  }

  @Bean
  SecretController secretController(SecretStore secrets, Now now) {
    return new SecretController(secrets, now);
  }

  @Bean
  RunController runController(
      RunService runs,
      RunReader reader,
      RunSubmissions submissions,
      RunDispatcher dispatcher,
      UserStore users,
      Visible visible) {
    return new RunController(runs, reader, submissions, dispatcher, users, visible);
  }

  @Bean(destroyMethod = "close")
  LiveQuestions liveQuestions(WorkflowClient client) {
    return new LiveQuestions(client);
  }

  @Bean
  WhyController whyController(
      RunReader reader, RunSubmissions submissions, LiveQuestions live, Now now) {
    return new WhyController(reader, new Explainer(reader, submissions, live, now));
  }

  @Bean
  CostController costController(Database database, InstantSource clock, Now now) {
    return new CostController(new CostReader(database), new CatalogStore(database, clock), now);
  }

  @Bean
  LogController logController(LogReader logs, RunLookups lookups) {
    return new LogController(logs, lookups, System::nanoTime);
  }

  @Bean
  MetricsReader metricsReader(Database database) {
    return new MetricsReader(database);
  }

  @Bean
  MetricsController metricsController(MetricsReader reader, Database database) {
    return new MetricsController(reader, new JobSamples(database));
  }

  @Bean
  PrometheusController prometheusController(
      ObjectProvider<PrometheusSettings> settings,
      ObjectProvider<CollectorRegistry> registry,
      MetricsReader reader,
      InstantSource clock) {
    return new PrometheusController(
        settings.getIfAvailable(() -> PrometheusSettings.OFF),
        new PrometheusPage(reader, clock, registry.getIfAvailable(CollectorRegistry::new)));
  }

  @Bean
  GpuController gpuController(RunService runs) {
    return new GpuController(runs);
  }

  @Bean
  FleetController fleetController(FleetReader fleets, FleetService service, Visible visible) {
    return new FleetController(fleets, service, visible);
  }

  @Bean
  FleetService fleetService(
      FleetReader reader,
      Fleets wishes,
      BackendStore backends,
      Fleetyard yard,
      RunDispatcher dispatcher,
      ApiSettings settings) {
    return new FleetService(reader, wishes, backends, yard, dispatcher, settings.permissions());
  }

  @Bean
  InstanceController instanceController(
      InstanceReader instances, FleetReader fleets, Database database, Visible visible) {
    return new InstanceController(instances, fleets, new HostChecks(database), visible);
  }

  @Bean
  VolumeController volumeController(
      VolumeReader volumes,
      Volumes wishes,
      BackendStore backends,
      RunDispatcher dispatcher,
      Visible visible,
      Now now) {
    return new VolumeController(volumes, wishes, backends, dispatcher, visible, now);
  }

  @Bean
  GatewayController gatewayController() {
    return new GatewayController();
  }

  @Bean
  EventController eventController(EventReader events, ProjectStore projects) {
    return new EventController(events, projects);
  }

  @Bean
  OpenApi openApi(ObjectProvider<RequestMappingHandlerMapping> mappings, ApiSettings settings) {
    return new OpenApi(() -> mappings.getObject().getHandlerMethods(), settings.version());
  }

  @Bean
  PageController pageController(
      ApiSettings settings, UserStore users, WorkflowClient client, OpenApi openApi) {
    Parts parts = new Parts(users, client);
    return new PageController(
        new FrontPage(settings.version(), parts::all, settings.temporalUiUrl()), openApi);
  }
}
