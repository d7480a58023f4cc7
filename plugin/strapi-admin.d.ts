/** The admin part of the plugin. Strapi loads it. */
declare const plugin: { register(app: { registerPlugin(plugin: object): void }): void };

export default plugin;
